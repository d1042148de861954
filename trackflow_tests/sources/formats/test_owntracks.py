import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.devices import owntracks
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.formats import owntracks as owntracks_files
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import (
    NOW_US,
    first_four,
    points,
    read_bytes,
    read_path,
    whole_seconds,
)


def message(row) -> dict[str, object]:
    device, second, _, lat, lon = row
    return {"_type": "location", "tid": device, "tst": second, "lat": lat, "lon": lon, "vel": 36}


def line(row) -> str:
    arrived = datetime.fromtimestamp(row[1] + 3, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{arrived}\t*                 \t{json.dumps(message(row))}\n"


def recorded(rows) -> str:
    return "".join(map(line, rows))


FORMS = {
    "rec": recorded,
    "lines": lambda rows: "\n".join(json.dumps(message(row)) for row in rows),
    "list": lambda rows: json.dumps([message(row) for row in rows]),
    "answer": lambda rows: json.dumps({"count": 1, "data": [message(row) for row in rows]}),
}


@settings(max_examples=50)
@given(
    st.lists(points, min_size=1, max_size=20), st.sampled_from(sorted(FORMS)),
    st.sampled_from([1, 7, 50_000]),
)  # fmt: skip
def test_points_read_back_as_written(rows, form, chunk_points):
    data = FORMS[form](rows).encode()
    assert detect(data[:65_536], "2026-01.rec") == "owntracks"
    found = read_bytes(data, "owntracks", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert first_four(found) == whole_seconds(rows)
    assert {row[6] for row in found.rows} == {10.0}


@settings(max_examples=50)
@given(st.lists(points, min_size=1, max_size=12), st.integers(0))
def test_a_cut_file_gives_its_points_and_reports_it(rows, at):
    data = recorded(rows).encode()
    at %= len(data)
    found = read_bytes(data[:at], "owntracks")
    whole = data[:at].count(b"\n") + (data[at : at + 1] == b"\n")
    assert first_four(found) == whole_seconds(rows)[:whole]
    is_between = not at or data[at - 1 : at + 1].count(b"\n")
    assert is_between or found.reasons == ["truncated"] or found.error


@settings(max_examples=50)
@given(st.lists(points, min_size=2, max_size=12), st.integers(0), st.binary(max_size=5))
def test_a_broken_line_costs_only_itself(rows, which, junk):
    lines = [line(row).encode() for row in rows]
    which %= len(lines) - 1  # the last one could be cut off instead
    lines[which] = b"2026-01-01T00:00:00Z\t*\t{" + junk.replace(b"\n", b"") + b"!\n"
    found = read_bytes(b"".join(lines), "owntracks")
    assert first_four(found) == whole_seconds(rows[:which] + rows[which + 1 :])
    assert found.reasons == ["unreadable"]
    assert found.refused[0].where == f"file: line {which + 1}"


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "owntracks")
    read_bytes(b"2026-01-01T00:00:00Z\t*\t" + data, "owntracks")


ROW = ("x", 1_767_225_600, 0, 1.5, 2.5)


def test_a_file_gives_what_a_live_request_gives():
    bodies = [message(ROW), {**message(ROW), "lat": 95}, {"_type": "waypoint"}, {"_type": "new"},
              {"_type": "encrypted", "data": "x"}]  # fmt: skip
    data = json.dumps(bodies).encode()
    live = owntracks.read(data, Envelope("owntracks", fallback_device="stem"), NOW_US)
    found = read_bytes(data, "owntracks")
    assert found.rows == list(live.points.rows())
    assert found.reasons == [refusal.reason.value for refusal in live.refused]


def test_the_folders_of_the_recorder_name_the_device(tmp_path):
    folder = tmp_path / "rec" / "jane" / "phone"
    folder.mkdir(parents=True)
    (folder / "2026-01.rec").write_text(recorded([ROW]))
    (found,) = read_path(tmp_path).values()
    assert found.points.devices == ("jane/phone",)
    (found,) = read_path(folder / "2026-01.rec").values()
    assert found.points.devices == ("x",)
    nameless = recorded([ROW]).replace('"tid": "x", ', "")
    found = read_bytes(nameless.encode(), "owntracks", name="2026-01.rec")
    assert found.points.devices == ("owntracks",)


def test_an_endless_line_takes_no_memory_and_its_neighbours_are_read(monkeypatch):
    monkeypatch.setattr(owntracks_files, "LINE_MAX_BYTES", 1_000)
    data = recorded([ROW]) + "2026-01-01T00:00:00Z\t*\t" + "x" * 300_000 + "\n" + recorded([ROW])
    found = read_bytes(data.encode(), "owntracks")
    assert len(found.points) == 2
    assert found.reasons == ["unreadable"]


@pytest.mark.parametrize("data", [b"", b"some words", b'{"a": 1}'])
def test_a_file_of_another_kind_reports_it(data):
    assert "no message of OwnTracks" in read_bytes(data, "owntracks").error
