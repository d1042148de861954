"""VBO: recordings of VBOX and of lap timers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import lats, lons, read_bytes

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""


def recording(rows: list[str], *, unit: str = "kmh", more: str = "", created: str = "at") -> bytes:
    return (
        f"File created on 01/05/2024 {created} 10:00:00\r\n\r\n[header]\r\nsatellites\r\ntime\r\n"
        f"latitude\r\nlongitude\r\nvelocity {unit}\r\nheading\r\nheight\r\n\r\n[comments]\r\n"
        f"Log Rate (Hz) : 20.00\r\n\r\n[column names]\r\nsats time lat long velocity heading height"
        f"{more}\r\n\r\n[data]\r\n" + "".join(f"{row}\r\n" for row in rows)
    ).encode()


def row(lat: float, lon: float, clock: str = "100000.00", sats: str = "009", more: str = "") -> str:
    return f"{sats} {clock} {lat * 60:+.7f} {lon * -60:+.7f} 036.000 271.00 +00012.00{more}"


@given(lats.filter(bool), lons)
def test_minutes_are_read_back_as_degrees_and_west_is_positive(lat: float, lon: float) -> None:
    (found,) = read_bytes(recording([row(lat, lon)]), "vbo").rows
    assert found[1] == AT * 1_000_000
    assert found[2:4] == (pytest.approx(lon, abs=1e-7), pytest.approx(lat, abs=1e-7))
    assert found[4:] == (12.0, None, pytest.approx(10.0), 271.0)


@pytest.mark.parametrize(
    ("unit", "speed_ms"), [("kmh", 10.0), ("knots", 18.52), ("mph", 16.09344), ("", 10.0)]
)
def test_the_header_says_the_unit_of_the_speed(unit: str, speed_ms: float) -> None:
    data = recording([row(60.1, 24.9)], unit=unit, created="@")
    assert detect(data, "lap.vbo") == "vbo"
    assert read_bytes(data, "vbo").rows[0][6] == pytest.approx(speed_ms)


@given(st.integers(1, 86_399))
def test_clocks_are_counted_on_over_midnight(step_s: int) -> None:
    hours, rest = divmod(step_s // 2, 3600)
    later = f"{hours:02}{rest // 60:02}{rest % 60:02}.00"
    found = read_bytes(recording([row(1, 2, "235959.50"), row(1, 2, later)]), "vbo")
    midnight_us = (AT + 14 * 3600) * 1_000_000
    assert [r[1] for r in found.rows] == [midnight_us - 500_000, midnight_us + step_s // 2 * 10**6]


@pytest.mark.parametrize("clock", ["240000.00", "106000.00", "100061.00", "999999"])
def test_what_is_no_time_of_day_is_refused(clock: str) -> None:
    found = read_bytes(recording([row(60.1, 24.9, clock)]), "vbo")
    assert (found.rows, found.reasons) == ([], ["bad_time"])


def test_a_column_of_dates_goes_before_the_day_of_the_file() -> None:
    found = read_bytes(recording([row(60.1, 24.9, more=" 030524")], more=" Date"), "vbo")
    assert found.rows[0][1] == (AT + 2 * 86_400) * 1_000_000


@pytest.mark.parametrize(("sats", "count"), [("073", 1), ("000", 0), ("064", 0), ("137", 1)])
def test_a_line_without_satellites_is_no_position(sats: str, count: int) -> None:
    found = read_bytes(recording([row(60.1, 24.9, sats=sats)]), "vbo")
    assert (len(found.rows), found.reasons) == (count, ["no_position"] * (1 - count))


def test_what_is_no_line_of_data_is_refused() -> None:
    found = read_bytes(recording([row(60.1, 24.9), "009 100000.00 +1", row(60, 24, "x")]), "vbo")
    assert (len(found.rows), sorted(found.reasons)) == (1, ["bad_time", "ragged_row"])
    assert "no position" in read_bytes(recording([]), "vbo").error
