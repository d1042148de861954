import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes

START = 1_767_225_600
EXTENSIONS = "I083638FXA3940SIU4142TDS4343LAD4444LOD4547GSP4850TRT5152XXX"


def angle(degrees: float, width: int, letters: str) -> tuple[str, str, str]:
    """Thousandths of minutes, the hemisphere, and one digit more."""
    ten_thousandths = round(abs(degrees) * 600_000)
    whole, minutes = divmod(ten_thousandths, 600_000)
    text = f"{whole:0{width}}{minutes:06}"
    return text[:-1], letters[degrees < 0], text[-1]


def fix(second: int, lat: float, lon: float, kind="A", altitude=345, more="") -> str:
    moment = dt.datetime.fromtimestamp(second, dt.UTC)
    (north, n, n_digit), (east, e, e_digit) = angle(lat, 2, "NS"), angle(lon, 3, "EW")
    extra = more or f"0120800{n_digit}{e_digit}03618000"
    return f"B{moment:%H%M%S}{north}{n}{east}{e}{kind}{300:05}{altitude:05}{extra}"


def day(second: int, form="HFDTE{}") -> str:
    return form.format(dt.datetime.fromtimestamp(second, dt.UTC).strftime("%d%m%y"))


def igc(*lines: str) -> bytes:
    return "".join(line + "\r\n" for line in ("AXXXABC FLIGHT:1", *lines)).encode()


def written(rows) -> bytes:
    lines = [EXTENSIONS]
    for row in rows:
        lines += [day(row[1]), fix(row[1], row[3], row[4])]
    return igc(*lines)


def assert_same(found_rows, rows):
    assert [row[1] // 1_000_000 for row in found_rows] == [row[1] for row in rows]
    for found, row in zip(found_rows, rows, strict=True):
        assert found[2:4] == pytest.approx((row[4], row[3]), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(points, min_size=1, max_size=20), st.sampled_from([1, 7, 50_000]))
def test_points_read_back_as_written(rows, chunk_points):
    found = read_bytes(written(rows), "igc", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert_same(found.rows, rows)


@settings(max_examples=50, deadline=None)
@given(st.integers(START, 1_790_000_000), st.lists(st.integers(1, 40_000), max_size=20))
def test_a_flight_goes_on_over_midnight(start, steps):
    seconds = [start]
    for step in steps:
        seconds.append(seconds[-1] + step)
    lines = [fix(second, 46.5, 7.5, more="0") for second in seconds]
    found = read_bytes(igc(day(start), *lines), "igc")
    assert [row[1] // 1_000_000 for row in found.rows] == seconds


@settings(max_examples=80, deadline=None)
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_costs_one_fix_at_most(at, bit):
    """A damaged clock never moves the fixes after it to another day."""
    rows = [("", START + 36_000 + i, 0, 46.5, 7.5) for i in range(12)]
    head = igc(day(START))
    data = bytearray(head + b"".join(fix(*row[1:2], *row[3:]).encode() + b"\n" for row in rows))
    at = len(head) + at % (len(data) - len(head))
    data[at] ^= 1 << bit
    found = read_bytes(bytes(data), "igc")
    hurt = bytes(data[len(head) : at]).count(b"\n")
    kept = {row[1] for i, row in enumerate(rows) if i not in (hurt, hurt + 1)}
    assert kept <= {row[1] // 1_000_000 for row in found.rows}
    assert len(found.rows) + len(found.refused) >= len(kept)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "igc")
    read_bytes(igc(EXTENSIONS, day(START)) + b"B" + data, "igc")
    read_bytes(igc("I99" + data.decode("latin-1"), day(START), fix(START, 1, 2)), "igc")


@pytest.mark.parametrize("form", ["HFDTE{}", "HFDTEDATE:{},01", "HFDTE:{}", "HODTE{}"])
def test_the_forms_of_the_date(form):
    data = igc(day(START, form), fix(START, -46.5, -7.5))
    assert detect(data, "a.txt") == "igc"
    (row,) = read_bytes(data, "igc").rows
    assert row[1] == START * 1_000_000
    assert row[2:4] == (-7.5, -46.5)


def test_extensions_and_altitudes():
    data = igc(EXTENSIONS, day(START), fix(START, 46.5, 7.5), fix(START + 1, 46.5, 7.5, "V"))
    first, second = read_bytes(data, "igc").rows
    assert first[4:] == (345.0, 12.0, 10.0, 180.0)
    assert second[4] is None


def test_without_a_date_there_is_no_time():
    found = read_bytes(igc(fix(START, 46.5, 7.5)), "igc")
    assert found.reasons == ["no_time"]


def test_a_file_without_fixes_reports_it():
    assert "no fix" in read_bytes(igc(day(START)), "igc").error
