from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow_tests.helpers.reading import points, read_bytes


def trackpoint(row, prefix: str = "") -> str:
    _, second, _, lat, lon = row
    moment = datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")
    tags = (
        f"<Trackpoint><Time>{moment}</Time><Position><LatitudeDegrees>{lat:.7f}</LatitudeDegrees>"
        f"<LongitudeDegrees>{lon:.7f}</LongitudeDegrees></Position></Trackpoint>\n"
    )
    return tags.replace("</", "</#").replace("<", "<#").replace("<#/#", "</#").replace("#", prefix)


def written(rows, prefix: str = "") -> bytes:
    opened = ("TrainingCenterDatabase", "Activities", "Activity", "Lap", "Track")
    body = "".join(trackpoint(row, prefix) for row in rows)
    before = "".join(f"<{prefix}{tag}>" for tag in opened)
    after = "".join(f"</{prefix}{tag}>" for tag in reversed(opened))
    return f'<?xml version="1.0"?>\n{before}{body}{after}'.encode()


def positions(found):
    return [(row[1] // 1_000_000, row[3], row[2]) for row in found.rows]


def expected(rows):
    return [(second, lat, lon) for _, second, _, lat, lon in rows]


@settings(max_examples=50)
@given(
    st.lists(points, min_size=1, max_size=30),
    st.sampled_from(["", "t:"]),
    st.sampled_from([1, 7, 50_000]),
)
def test_points_read_back_as_written(rows, prefix, chunk_points):
    found = read_bytes(written(rows, prefix), "tcx", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert positions(found) == expected(rows)
    assert found.points.devices == ("stem",)


@settings(max_examples=50)
@given(st.lists(points, min_size=2, max_size=12), st.integers(0, 100_000), st.binary(max_size=5))
def test_damage_costs_at_most_the_points_it_touches(rows, at, junk):
    data = written(rows)
    first, last = data.index(b"<Trackpoint"), data.rindex(b"</Trackpoint>")
    at = first + at % (last - first)
    found = read_bytes(data[:at] + junk + data[at + len(junk) :], "tcx")
    before = data[:at].count(b"</Trackpoint>")
    kept = positions(found)
    assert kept[:before] == expected(rows)[:before]
    after = data[at + len(junk) :].count(b"<Trackpoint>")
    if b"<" not in junk and after:  # new markup could open a comment to the end of the file
        assert kept[-after:] == expected(rows)[-after:]


@settings(max_examples=50)
@given(st.lists(points, min_size=1, max_size=12), st.integers(0, 100_000))
def test_a_cut_file_gives_its_points_and_reports_it(rows, at):
    data = written(rows)
    at %= len(data)
    found = read_bytes(data[:at], "tcx")
    whole = data[:at].count(b"</Trackpoint>")
    assert positions(found) == expected(rows)[:whole]
    if whole:
        assert found.reasons[-1] == "truncated"
    else:
        assert found.error


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "tcx")
    read_bytes(b"<TrainingCenterDatabase><Activities>" + data, "tcx")


ROW = ("", 1_767_225_600, 0, 1.5, 2.5)


def test_altitude_and_speed_are_read():
    point = trackpoint(ROW).replace(
        "</Trackpoint>",
        "<AltitudeMeters>7.5</AltitudeMeters><HeartRateBpm><Value>90</Value></HeartRateBpm>"
        '<Extensions><TPX xmlns="x"><Speed>3.25</Speed></TPX></Extensions></Trackpoint>',
    )
    data = f"<TrainingCenterDatabase><Activities><Activity><Lap><Track>{point}"
    (row,) = read_bytes(data.encode(), "tcx").rows
    assert row == ("stem", 1_767_225_600_000_000, 2.5, 1.5, 7.5, None, 3.25, None)


def test_points_without_a_position_are_counted_once_and_half_ones_are_refused():
    nowhere = "<Trackpoint><Time>2026-01-01T00:00:00Z</Time></Trackpoint>"
    half = nowhere.replace("</Time>", "</Time><Position><LatitudeDegrees>1</LatitudeDegrees>"
                           "</Position>")  # fmt: skip
    data = written([ROW]).decode().replace("<Track>", f"<Track>{nowhere * 3}{half}")
    found = read_bytes(data.encode(), "tcx")
    assert len(found.points) == 1
    assert found.skipped == {"trackpoint without a position": 3}
    assert found.reasons == ["no_position"]


def test_the_times_of_a_course_are_no_recording():
    course = (
        f"<Courses><Course><Name>a</Name><Track>{trackpoint(ROW) * 3}</Track></Course></Courses>"
    )
    other = ("", ROW[1] + 60, 0, 3.0, 4.0)
    data = written([other]).decode().replace("<Activities>", f"{course}<Activities>")
    found = read_bytes(data.encode(), "tcx")
    assert positions(found) == expected([other])
    assert (found.reasons, found.skipped) == ([], {"point of a course": 3})
    broken = data.replace("</Trackpoint>", "</Trackpoint><", 1)
    found = read_bytes(broken.encode(), "tcx")
    assert positions(found) == expected([other])
    assert found.reasons == ["unreadable"]
    assert found.skipped["point of a course"] >= 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><TrainingCenterDatabase/>', "DOCTYPE"),
        (b"<TrainingCenterDatabase>" + b"<a>" * 5_000, "deep"),
        (b"no xml at all", "cannot be read as TCX"),
    ],
)
def test_hostile_files_are_refused_with_one_line(data, words):
    found = read_bytes(data, "tcx")
    assert words in found.error
    assert "\n" not in found.error
