import datetime as dt
from functools import reduce
from itertools import pairwise
from operator import xor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes

DAY_US = 86_400_000_000

AT = 1_714_557_600


def sentence(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode()):02X}"


def angle(degrees: float, width: int, letters: str) -> str:
    size = abs(degrees)
    minutes = (size - int(size)) * 60
    return f"{int(size):0{width}}{minutes:011.8f},{letters[degrees < 0]}"


def rmc(second: int, lat: float, lon: float, knots="", course="", status="A", date=True) -> str:
    moment = dt.datetime.fromtimestamp(second, dt.UTC)
    return sentence(
        f"GPRMC,{moment:%H%M%S}.00,{status},{angle(lat, 2, 'NS')},{angle(lon, 3, 'EW')},{knots},"
        f"{course},{moment.strftime('%d%m%y') if date else ''},,,A"
    )


def gga(second: int, lat: float, lon: float, quality=1, hdop="1.2", altitude="34.5") -> str:
    moment = dt.datetime.fromtimestamp(second, dt.UTC)
    return sentence(
        f"GNGGA,{moment:%H%M%S}.00,{angle(lat, 2, 'NS')},{angle(lon, 3, 'EW')},{quality},08,{hdop},"
        f"{altitude},M,18.0,M,,"
    )


def zda(second: int) -> str:
    moment = dt.datetime.fromtimestamp(second, dt.UTC)
    return sentence(f"GPZDA,{moment:%H%M%S}.00,{moment:%d,%m,%Y},00,00")


def nmea(*lines: str, end: str = "\r\n") -> bytes:
    return "".join(line + end for line in lines).encode()


def written(rows, end: str = "\r\n") -> bytes:
    return nmea(*(rmc(row[1], row[3], row[4]) for row in rows), end=end)


def assert_same(found_rows, rows):
    assert [row[1] // 1_000_000 for row in found_rows] == [row[1] for row in rows]
    for found, row in zip(found_rows, rows, strict=True):
        assert found[2:4] == pytest.approx((row[4], row[3]), abs=2e-7)


def apart(rows) -> bool:
    """Neighbours at the same time of day are one moment of a receiver."""
    clocks = [row[1] % 86_400 for row in rows]
    return all(a != b for a, b in pairwise(clocks))


rows_of = st.lists(points, min_size=1, max_size=20).filter(apart)


@settings(max_examples=60, deadline=None)
@given(rows_of, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([1, 7, 50_000]))
def test_points_read_back_as_written(rows, end, chunk_points):
    found = read_bytes(written(rows, end), "nmea", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert_same(found.rows, rows)


@settings(max_examples=60, deadline=None)
@given(rows_of, st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_costs_one_sentence_at_most(rows, at, bit):
    data = bytearray(written(rows, "\n"))
    at %= len(data)
    data[at] ^= 1 << bit
    found = read_bytes(bytes(data), "nmea")
    hurt = data[:at].count(b"\n") if at < len(data) else 0
    kept = [row for i, row in enumerate(rows) if i not in (hurt, hurt + 1)]
    times = {row[1] // 1_000_000 for row in found.rows}
    assert {row[1] for row in kept} <= times
    assert times <= {row[1] for row in rows}  # a checksum lets no wrong value in


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "nmea")
    read_bytes(b"$GPRMC," + data, "nmea")
    read_bytes(written([("", 1_767_225_600, 0, 60.1, 24.9)]) + data, "nmea")


@settings(max_examples=40, deadline=None)
@given(st.integers(1_000_000_000, 1_700_000_000), st.lists(st.integers(1, 20_000), max_size=30))
def test_positions_without_dates_are_counted_on_over_midnights(start, steps):
    """A receiver that sends the date once, whether before or after them, at any time of day."""
    seconds = [start]
    for step in steps:
        seconds.append(seconds[-1] + step)
    fixes = [gga(second, 60.1, 24.9) for second in seconds]
    for lines in ([zda(seconds[0]), *fixes], [*fixes, zda(seconds[-1])]):
        found = read_bytes(nmea(*lines), "nmea")
        assert [row[1] // 1_000_000 for row in found.rows] == seconds
        assert found.refused == []


def test_one_moment_is_one_point_with_the_values_of_all_its_sentences():
    start = 1_767_225_600
    for lines in (
        [rmc(start, 60.1, 24.9, "10.0", "90.5"), gga(start, 60.1, 24.9)],
        [gga(start, 60.1, 24.9), rmc(start, 60.1, 24.9, "10.0", "90.5")],
    ):
        (row,) = read_bytes(nmea(*lines), "nmea").rows
        assert row[4:] == (34.5, 6.0, pytest.approx(5.14444, abs=1e-4), 90.5)


@pytest.mark.parametrize("is_before", [False, True])
def test_speed_and_course_of_vtg_are_those_of_the_moment_beside_it(is_before):
    """Without RMC they were lost. VTG has no time: its place in the file says of which it is."""
    moments = [
        (gga(AT + s, 60.1, 24.9), sentence(f"GPVTG,{s}0.0,T,,M,{s}.0,N,,K,A")) for s in (1, 2, 3)
    ]
    lines = [line for both in moments for line in (both[::-1] if is_before else both)]
    rows = read_bytes(nmea(*lines, zda(AT + 3)), "nmea").rows
    assert [row[6] for row in rows] == pytest.approx([s * 1852 / 3600 for s in (1, 2, 3)])
    assert [row[7] for row in rows] == [10, 20, 30]


def test_without_a_fix_there_is_no_point_and_one_word():
    start = 1_767_225_600
    lines = [rmc(start + i, 60.1, 24.9, status="V") for i in range(50)]
    lines += [gga(start + 60 + i, 60.1, 24.9, quality=0) for i in range(50)]
    lines += [rmc(start + 200, 60.1, 24.9), "$GPGSV,3,1,11,*00", "!AIVDM,1,1,,A,1,0*00"]
    found = read_bytes(nmea(*lines), "nmea")
    assert len(found.rows) == 1
    assert found.refused == []
    assert found.skipped == {"sentence without a position": 100}


def test_a_wrong_checksum_is_refused_and_a_missing_one_is_not():
    good = rmc(1_767_225_600, 60.1, 24.9)
    wrong = rmc(1_767_225_601, 60.1, 24.9).replace("*", "9*")
    bare = rmc(1_767_225_602, 60.1, 24.9).partition("*")[0]
    found = read_bytes(nmea(good, wrong, bare), "nmea")
    assert [row[1] // 1_000_000 - 1_767_225_600 for row in found.rows] == [0, 2]
    assert found.reasons == ["unreadable"]
    assert found.refused[0].where == "file: line 2"


@pytest.mark.parametrize(
    "before",
    ["2026-01-01T00:00:00Z ", "\\s:GP,c:1*00\\", "12.5;", "[10:00:00] ",
     "[Wed May 01 10:00:00.123 2024] "],
)  # fmt: skip
def test_what_loggers_write_before_a_sentence_is_passed_over(before):
    data = (before + rmc(1_767_225_600, -60.1, -24.9) + "\n").encode()
    assert detect(data, "a.log") == "nmea"
    (row,) = read_bytes(data, "nmea").rows
    assert row[2:4] == pytest.approx((-24.9, -60.1))


def test_a_file_without_dates_reports_it():
    found = read_bytes(nmea(gga(0, 60.1, 24.9), gga(1, 60.1, 24.9)), "nmea")
    assert found.reasons == ["no_time"] * 2


def test_other_sentences_alone_are_no_recording():
    assert "no NMEA sentence" in read_bytes(b"$GPGSV,3,1,11\r\n", "nmea").error


def test_a_line_without_end_costs_no_memory_and_no_neighbour():
    data = written([("", 1_767_225_600, 0, 60.1, 24.9)])
    found = read_bytes(data + b"x" * 3_000_000 + b"\n" + data.replace(b"000000", b"000001"), "nmea")
    assert len(found.rows) + len(found.refused) == 2
