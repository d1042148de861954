"""PLT: what OziExplorer writes, and GeoLife's files of the same form."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.formats.plt import days_us
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes

GEOLIFE = """Geolife trajectory
WGS 84
Altitude is in Feet
Reserved 3
0,2,255,My Track,0,0,2,8421376
0
39.984702,116.318417,0,492,39744.1201851852,2008-10-23,02:53:04
39.984683,116.31845,0,-777,39744.1202546296,2008-10-23,02:53:10
"""
OZI = """OziExplorer Track Point File Version 2.1\r
WGS 84\r
Altitude is in Feet\r
Reserved 3\r
0,2,255,OziCE Track Log File,1\r
2\r
-27.350436, 153.055540,1,-777,36169.6307194, 09-Jan-99, 3:08:14 PM\r
-27.348610, 153.055867,0, 100.0,36169.6307194, 09-Jan-99, 3:08:14 PM\r
"""
HEADER = GEOLIFE.splitlines()[:6]


def us(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1e6)


def written(rows, decimals: int = 10, line_end: str = "\n") -> bytes:
    lines = [
        f"{lat},{lon},0,{100 / 0.3048},{25_569 + second / 86_400:.{decimals}f},,"
        for _, second, _, lat, lon, *_ in rows
    ]
    return "".join(line + line_end for line in (*HEADER, *lines)).encode()


@given(
    st.lists(points, min_size=1, max_size=20),
    st.sampled_from([1, 7, 50_000]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_points_read_back_as_written(rows, chunk_points: int, line_end: str) -> None:
    found = read_bytes(written(rows, line_end=line_end), "plt", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert [row[1] for row in found.rows] == [row[1] * 1_000_000 for row in rows]
    assert [row[2:4] for row in found.rows] == [(row[4], row[3]) for row in rows]
    assert {round(row[4], 6) for row in found.rows} == {100.0}


@given(st.integers(0, 86_399), st.integers(7, 12))
def test_a_whole_second_is_one_whatever_the_decimals(second: int, decimals: int) -> None:
    day = f"{39_744 + second / 86_400:.{decimals}f}"
    assert days_us(day) == us("2008-10-23T00:00:00Z") + second * 1_000_000


def test_geolife_is_read() -> None:
    found = read_bytes(GEOLIFE.encode(), "plt")
    assert [row[1] for row in found.rows] == [
        us("2008-10-23T02:53:04Z"),
        us("2008-10-23T02:53:10Z"),
    ]
    assert found.rows[0][4] == pytest.approx(492 * 0.3048)
    assert found.rows[1][4] is None


def test_oziexplorer_is_read() -> None:
    found = read_bytes(OZI.encode(), "plt")
    assert found.refused == []
    assert {row[1] for row in found.rows} == {us("1999-01-09T15:08:14.160Z")}
    assert found.rows[0][2:4] == (153.05554, -27.350436)
    assert found.rows[1][4] == pytest.approx(30.48)


def test_metres_where_the_header_says_so() -> None:
    found = read_bytes(GEOLIFE.replace("in Feet", "in Meters").encode(), "plt")
    assert found.rows[0][4] == 492


def test_another_datum_is_refused_and_the_message_says_what_to_do() -> None:
    found = read_bytes(OZI.replace("WGS 84", "Pulkovo 1942 (1)").encode(), "plt")
    assert "Pulkovo 1942 (1)" in found.error
    assert "WGS 84" in found.error
    assert len(found.rows) == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("39.98,116.31,0,492,,,", "no_time"),
        ("39.98,116.31,0,492,soon,,", "bad_time"),
        ("39.98,116.31,0,492,9.9e99,,", "bad_time"),
        ("39.98,216.31,0,492,39744.1,,", "out_of_range"),
        ("north,116.31,0,492,39744.1,,", "unreadable"),
        ("39.98", "unreadable"),
    ],
)
def test_a_damaged_line_is_refused_and_stops_nothing(line: str, reason: str) -> None:
    lines = GEOLIFE.splitlines()
    found = read_bytes("\n".join([*lines[:7], line, *lines[7:]]).encode(), "plt")
    assert len(found.rows) == 2
    assert [refusal.reason for refusal in found.refused] == [reason]


def test_it_is_known_by_its_header() -> None:
    assert detect(GEOLIFE.encode(), "a.txt") == "plt"
    assert detect(OZI.encode(), "a.plt") == "plt"
