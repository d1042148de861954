import io
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.parsing import kml_placemarks
from trackflow.sources.readers import discover
from trackflow_tests.helpers.reading import points, read_bytes, read_path


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def when(row) -> str:
    return f"<when>{iso(row[1])}</when>\n"


def coord(row) -> str:
    return f"<gx:coord>{row[4]:.7f} {row[3]:.7f} 5</gx:coord>\n"


def in_turns(rows) -> str:
    return track("".join(when(row) + coord(row) for row in rows))


def times_first(rows) -> str:
    return track("".join(map(when, rows)) + "".join(map(coord, rows)))


def positions_first(rows) -> str:
    return track("".join(map(coord, rows)) + "".join(map(when, rows)))


def track(inner: str) -> str:
    return f"<Placemark><name>x</name><gx:Track>{inner}</gx:Track></Placemark>"


def multi_track(rows) -> str:
    tracks = "".join(f"<gx:Track>{when(row)}{coord(row)}</gx:Track>" for row in rows)
    return f"<Folder><Placemark><gx:MultiTrack>{tracks}</gx:MultiTrack></Placemark></Folder>"


def placemarks(rows) -> str:
    return "".join(
        f"<Placemark><TimeStamp>{when(row)}</TimeStamp><Point><coordinates>{row[4]:.7f},"
        f"{row[3]:.7f},5</coordinates></Point></Placemark>"
        for row in rows
    )


FORMS = {
    "in turns": in_turns,
    "times first": times_first,
    "positions first": positions_first,
    "multi track": multi_track,
    "placemarks": placemarks,
}


def written(rows, form: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">'
    return f"{head}<Document>{FORMS[form](rows)}</Document></kml>".encode()


def first_four(found):
    return [row[1:4] for row in found.rows]


def expected(rows):
    return [(second * 1_000_000, lon, lat) for _, second, _, lat, lon in rows]


forms = st.sampled_from(sorted(FORMS))


@settings(max_examples=50)
@given(st.lists(points, min_size=1, max_size=20), forms, st.sampled_from([1, 7, 50_000]))
def test_points_read_back_as_written(rows, form, chunk_points):
    found = read_bytes(written(rows, form), "kml", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert first_four(found) == expected(rows)
    assert found.points.devices == ("stem",)
    assert {row[4] for row in found.rows} == {5.0}


@settings(max_examples=50)
@given(st.lists(points, min_size=1, max_size=10), forms, st.integers(0, 100_000))
def test_a_cut_file_gives_its_points_and_reports_it(rows, form, at):
    data = written(rows, form)
    at %= len(data)
    found = read_bytes(data[:at], "kml")
    ends = {"positions first": b"</when>", "placemarks": b"</Placemark>"}
    whole = data[:at].count(ends.get(form, b"</gx:coord>"))
    assert first_four(found) == expected(rows)[:whole]
    assert found.error or found.reasons == ["truncated"]
    if whole:
        assert found.error == ""


@settings(max_examples=50)
@given(
    st.lists(points, min_size=2, max_size=10),
    st.sampled_from(["in turns", "multi track", "placemarks"]),
    st.integers(0, 100_000),
    st.booleans(),
)
def test_broken_markup_costs_at_most_what_it_touches(rows, form, at, is_swapped):
    data = written(rows, form)
    first, last = data.index(b"<when"), data.rindex(b"</when>")
    at = first + at % (last - first)
    if is_swapped:
        at = data.rindex(b"<", first, at + 1)
        broken = data[:at] + b"!" + data[at + 1 :]
    else:
        broken = data[:at] + b"<>" + data[at:]
    found = read_bytes(broken, "kml")
    anchor, end = (
        (b"<Placemark", b"</Placemark>") if form == "placemarks" else (b"<when", b"</gx:coord>")
    )
    before, after = data[:at].count(end), data[at + 1 :].count(anchor)
    kept = first_four(found)
    assert kept[:before] == expected(rows)[:before]
    assert not after or kept[-after:] == expected(rows)[-after:]
    assert set(kept) <= set(expected(rows))
    assert "unreadable" in found.reasons or "truncated" in found.reasons


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "kml")
    read_bytes(b"<kml><Placemark><gx:Track>" + data, "kml")


ROWS = [("", 1_767_225_600 + k, 0, 1.5 + k, 2.5) for k in range(4)]


@pytest.mark.parametrize("missing", ["when", "coord"])
def test_a_track_that_does_not_add_up_is_not_guessed(missing):
    whens, coords = list(map(when, ROWS)), list(map(coord, ROWS))
    del (whens if missing == "when" else coords)[1]
    data = f"<kml>{track(''.join(whens) + ''.join(coords))}{in_turns(ROWS)}</kml>"
    found = read_bytes(data.encode(), "kml")
    assert found.reasons == ["ragged_row"]
    assert first_four(found) == expected(ROWS)


def test_from_where_a_track_in_turns_does_not_add_up_nothing_is_guessed():
    turns = [when(row) + coord(row) for row in ROWS]
    turns[2] = coord(ROWS[2])
    found = read_bytes(f"<kml>{track(''.join(turns))}</kml>".encode(), "kml")
    assert first_four(found) == expected(ROWS[:2])
    assert found.reasons == ["ragged_row"]


def test_what_has_no_time_for_each_position_is_refused_once():
    line = "<LineString><coordinates>1,2 3,4 5,6</coordinates></LineString>"
    area = (
        f"<Polygon><outerBoundaryIs>{line.replace('String', 'arRing')}</outerBoundaryIs></Polygon>"
    )
    span = "<TimeSpan><begin>2026-01-01T00:00:00Z</begin></TimeSpan>"
    point = "<Point><coordinates>1,2</coordinates></Point>"
    data = "<kml>" + "".join(
        f"<Placemark>{inner}</Placemark>"
        for inner in (
            line,
            f"{span}{line}",
            area,
            point,
            f"<MultiGeometry>{line * 2}</MultiGeometry>",
        )
    )
    found = read_bytes(f"{data}</kml>".encode(), "kml")
    assert len(found.points) == 0
    assert found.reasons == ["no_time"] * 6


def test_a_span_counts_at_both_its_ends_and_a_day_is_no_moment():
    data = (
        "<kml><Placemark><TimeSpan><begin>2026-01-01T00:00:00Z</begin>"
        "<end>2026-01-01T01:00:00+01:00</end></TimeSpan><Point><coordinates> 1, 2 </coordinates>"
        "</Point></Placemark><Placemark><TimeSpan><begin>2026-01-01T00:00:00Z</begin>"
        "<end>2026-01-01T02:00:00Z</end></TimeSpan><Point><coordinates>1,2</coordinates></Point>"
        "</Placemark><Placemark><TimeStamp><when>2026-01-01</when></TimeStamp><Point><coordinates>"
        "1,2</coordinates></Point></Placemark></kml>"
    )
    found = read_bytes(data.encode(), "kml")
    hours = [(row[1] - 1_767_225_600_000_000) / 3.6e9 for row in found.rows]
    assert hours == [0, 0, 0, 2]
    assert found.reasons == ["bad_time"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><kml/>', "DOCTYPE"),
        (b"<kml>" + b"<Folder>" * 5_000, "deep"),
        (b"no xml at all", "cannot be read as KML"),
    ],
)
def test_hostile_files_are_refused_with_one_line(data, words):
    found = read_bytes(data, "kml")
    assert words in found.error
    assert "\n" not in found.error


def test_a_kmz_is_its_kml(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", written(ROWS, "times first"))
        archive.writestr("files/icon.png", b"\x89PNG\r\n")
    path = tmp_path / "holiday.kmz"
    path.write_bytes(packed.getvalue())
    assert [s.format for s in discover(path)] == ["kml", None]
    (found,) = read_path(path).values()
    assert first_four(found) == expected(ROWS)
    assert found.points.devices == ("holiday",)


def test_of_a_placemark_of_many_points_only_so_many_are_buffered(monkeypatch):
    points = "".join(f"<Point><coordinates>{k},1</coordinates></Point>" for k in range(1, 11))
    time = "<TimeStamp><when>2026-01-01T00:00:00Z</when></TimeStamp>"
    text = f"<kml><Placemark>{time}<MultiGeometry>{points}</MultiGeometry></Placemark></kml>"
    whole = read_bytes(text.encode(), "kml")
    buffered: list[int] = []
    original = kml_placemarks.PlacemarkParser._flush_points

    def flushed(self):
        buffered.append(len(self._points))
        original(self)

    monkeypatch.setattr(kml_placemarks, "TRACK_BUFFERED_MAX", 3)
    monkeypatch.setattr(kml_placemarks.PlacemarkParser, "_flush_points", flushed)
    assert read_bytes(text.encode(), "kml").rows == whole.rows
    assert len(whole.rows) == 10
    assert buffered == [4, 4, 2]
