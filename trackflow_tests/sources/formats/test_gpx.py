from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.options import ReadOptions
from trackflow_tests.helpers.reading import points, read_bytes


def written(rows, prefix: str = "", name: str = "a track") -> str:
    body = "".join(
        f'<{prefix}trkpt lat="{lat:.7f}" lon="{lon:.7f}">'
        f"<{prefix}time>{datetime.fromtimestamp(second, UTC).isoformat()}</{prefix}time>"
        f"</{prefix}trkpt>\n"
        for _, second, _, lat, lon in rows
    )
    space = f' xmlns{":" + prefix.rstrip(":") if prefix else ""}="http://example/{prefix}"'
    return (
        f'<?xml version="1.0"?>\n<{prefix}gpx{space}><{prefix}trk>'
        f"<{prefix}name>{name}</{prefix}name><{prefix}trkseg>{body}</{prefix}trkseg></{prefix}trk>"
        f"</{prefix}gpx>"
    )


def positions(found):
    return [(row[1] // 1_000_000, row[3], row[2]) for row in found.rows]


def expected(rows):
    return [(second, lat, lon) for _, second, _, lat, lon in rows]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(
    st.lists(points, min_size=1, max_size=40), st.sampled_from(["", "g:"]), TEXT,
    st.sampled_from([1, 7, 50_000]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)  # fmt: skip
def test_points_read_back_as_written(rows, prefix, name, chunk_points, encoding):
    data = written(rows, prefix, escape(name)).encode(encoding)
    found = read_bytes(data, "gpx", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert positions(found) == expected(rows)
    assert found.points.devices == ("stem",)


@given(st.lists(points, min_size=2, max_size=20), st.integers(0, 100_000), st.binary(max_size=5))
def test_damage_costs_at_most_the_points_it_touches(rows, at, junk):
    data = written(rows).encode()
    first, last = data.index(b"<trkpt"), data.rindex(b"</trkpt>")
    at = first + at % (last - first)
    found = read_bytes(data[:at] + junk + data[at + len(junk) :], "gpx")
    before = data[:at].count(b"</trkpt>")
    kept = positions(found)
    assert kept[:before] == expected(rows)[:before]
    after = data[at + len(junk) :].count(b"<trkpt")
    if b"<" not in junk and after:  # new markup could open a comment to the end of the file
        assert kept[-after:] == expected(rows)[-after:]


def test_a_broken_end_of_a_point_does_not_cost_the_next_one():
    rows = [("", 1_700_000_000 + i, 0, 1.5, 2.5) for i in range(3)]
    found = read_bytes(written(rows).replace("</trkpt>", "!/trkpt>", 1).encode(), "gpx")
    assert positions(found) == expected(rows)


@given(st.lists(points, min_size=1, max_size=20), st.integers(0, 100_000))
def test_a_cut_file_gives_its_points_and_reports_it(rows, at):
    data = written(rows).encode()
    at %= len(data)
    found = read_bytes(data[:at], "gpx")
    whole = data[:at].count(b"</trkpt>")
    assert positions(found) == expected(rows)[:whole]
    if whole:
        assert found.reasons[-1] == "truncated"
    else:
        assert found.error


@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "gpx")
    read_bytes(b"<gpx><trkpt lat='1' lon='2'>" + data, "gpx")


def test_names_in_latin_1_and_bare_ampersands_cost_nothing():
    rows = [("", 1_700_000_000, 0, 1.5, 2.5)]
    data = written(rows, name="M\xfcller & S\xf6hne &nbsp;\x01").encode("latin-1")
    assert positions(read_bytes(data, "gpx")) == expected(rows)


def test_extensions_speed_course_and_accuracy():
    data = (
        b'<gpx><trk><trkseg><trkpt lat="1" lon="2"><ele>7</ele><time>2026-01-01T00:00:00Z</time>'
        b"<hdop>2</hdop><extensions><gpxtpx:TrackPointExtension><gpxtpx:speed>3</gpxtpx:speed>"
        b"<gpxtpx:course>361</gpxtpx:course><x:time>1999</x:time></gpxtpx:TrackPointExtension>"
        b"</extensions></trkpt></trkseg></trk></gpx>"
    )
    (row,) = read_bytes(data, "gpx").rows
    assert row == ("stem", 1_767_225_600_000_000, 2.0, 1.0, 7.0, 10.0, 3.0, None)


def test_route_points_and_waypoints_are_no_track_unless_they_are_asked_for():
    data = (
        b'<gpx><wpt lat="1" lon="2"/><wpt lat="1" lon="2"><time>2026-01-01T00:00:00Z</time></wpt>'
        b'<rte><rtept lat="1" lon="2"/></rte><trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk>'
        b"</gpx>"
    )
    found = read_bytes(data, "gpx")
    assert (len(found.points), found.reasons) == (0, ["no_time"])
    timeless = {"waypoint without a time": 1, "route point without a time": 1}
    assert found.skipped == timeless | {"waypoint": 1}
    found = read_bytes(data, "gpx", options=ReadOptions(waypoints=True))
    assert (len(found.points), found.reasons) == (1, ["no_time"])
    assert found.skipped == timeless


BOMB = b"""<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
<gpx><trk><name>&b;</name></trk></gpx>"""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (BOMB, "DOCTYPE"),
        (b"<gpx>" + b"<a>" * 5_000, "deep"),
        (b'<?xml version="1.0" encoding="base64"?><gpx/>', "encoding"),
        (b"no xml at all", "cannot be read as GPX"),
    ],
)
def test_hostile_files_are_refused_with_one_line(data, words):
    found = read_bytes(data, "gpx")
    assert words in found.error
    assert "\n" not in found.error


def test_points_before_an_error_are_kept():
    rows = [("", 1_700_000_000 + i, 0, 1.5, 2.5) for i in range(5)]
    data = written(rows).replace("</gpx>", "<a>" * 200).encode()
    found = read_bytes(data, "gpx")
    assert len(found.points) == 5
    assert "deep" in found.error
