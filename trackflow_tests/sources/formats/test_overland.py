import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.devices import overland
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import NOW_US, first_four, points, read_bytes, whole_seconds


def feature(row) -> dict[str, object]:
    device, second, _, lat, lon = row
    moment = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"timestamp": moment, "device_id": device, "speed": -1, "altitude": 7,
                       "horizontal_accuracy": 5, "motion": ["driving"], "course": 90},
    }  # fmt: skip


def batch(rows) -> str:
    return json.dumps({"locations": [feature(row) for row in rows], "current": {"a": [1]}})


FORMS = {
    "one": batch,
    "lines": lambda rows: "\n".join(batch([row]) for row in rows),
    "indented": lambda rows: json.dumps(json.loads(batch(rows)), indent=2),
}


@settings(max_examples=50)
@given(
    st.lists(points, min_size=1, max_size=20), st.sampled_from(sorted(FORMS)),
    st.sampled_from([1, 7, 50_000]),
)  # fmt: skip
def test_points_read_back_as_written(rows, form, chunk_points):
    data = FORMS[form](rows).encode()
    assert detect(data[:65_536], "x.json") == "overland"
    found = read_bytes(data, "overland", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert first_four(found) == whole_seconds(rows)
    assert {row[4:] for row in found.rows} == {(7.0, 5.0, None, 90.0)}


@settings(max_examples=50)
@given(st.lists(points, min_size=1, max_size=12), st.integers(0))
def test_a_cut_file_gives_what_was_whole_and_reports_it(rows, at):
    data = batch(rows)
    at %= len(data)
    found = read_bytes(data[:at].encode(), "overland")
    got = first_four(found)
    whole = data[:at].count('"course": 90}')
    assert got == whole_seconds(rows)[: len(got)]
    assert len(got) in (whole - 1, whole)
    assert found.error or found.reasons == ["truncated"]


@given(st.binary(max_size=200), st.text('[]{}",:1\n ', max_size=60))
def test_any_bytes_give_an_answer(data, text):
    for junk in (data, text.encode()):
        read_bytes(junk, "overland")
        read_bytes(b'{"locations":[{"type":"Feature","geometry":' + junk, "overland")


ROW = ("x", 1_767_225_600, 0, 1.5, 2.5)


def test_a_file_gives_what_a_live_request_gives():
    good = feature(ROW)
    visit = {**good, "properties": {"action": "visit", "timestamp": "2026-01-01T00:00:00Z"}}
    nowhere = {**good, "geometry": {"type": "Point", "coordinates": [200, 95]}}
    data = json.dumps({"locations": [good, visit, nowhere, {"a": 1}]}).encode()
    live = overland.read(data, Envelope("overland", fallback_device="stem"), NOW_US)
    found = read_bytes(data, "overland")
    assert found.rows == list(live.points.rows())
    assert found.reasons == [refusal.reason.value for refusal in live.refused]
    assert found.refused[0].where == "file: element 3"


def test_features_that_name_no_device_are_of_the_file():
    data = batch([("", *ROW[1:])]).encode()
    assert read_bytes(data, "overland").points.devices == ("stem",)
    assert read_bytes(data, "overland", device_id="me").points.devices == ("me",)


@pytest.mark.parametrize("data", [b"", b"some words", b'{"a": 1}'])
def test_a_file_of_another_kind_reports_it(data):
    assert "no batch of Overland" in read_bytes(data, "overland").error
