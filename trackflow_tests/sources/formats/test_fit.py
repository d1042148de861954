import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow_tests.helpers import fit_writer as fw
from trackflow_tests.helpers.reading import points, read_bytes

PLAIN = [fw.TIMESTAMP, fw.LAT, fw.LON]
UNKNOWN = 0x7FFFFFFF


def written(rows, order: str = "<", header_bytes: int = 14) -> bytes:
    return fw.fit(
        fw.definition(20, PLAIN, order=order),
        *(fw.data("Iii", *fw.position(row[1], row[3], row[4]), order=order) for row in rows),
        header_bytes=header_bytes,
    )


def assert_same(found_rows, rows):
    """To the E7 grid; a semicircle is 0.84 of its steps."""
    assert [row[1] // 1_000_000 for row in found_rows] == [row[1] for row in rows]
    for found, (_, _, _, lat, lon) in zip(found_rows, rows, strict=True):
        assert found[3] == pytest.approx(lat, abs=1.1e-7)
        assert found[2] == pytest.approx(lon, abs=2.1e-7)


# A time below 2^28 counts from when the device was switched on, so that recording begins in 1998.
rows_of = st.lists(points.filter(lambda p: p[1] > 900_000_000 and abs(p[3]) > 1e-6), max_size=20)


@settings(max_examples=50)
@given(
    rows_of.filter(bool), st.sampled_from("<>"), st.sampled_from([12, 14]),
    st.sampled_from([1, 7, 50_000]),
)  # fmt: skip
def test_points_read_back_as_written(rows, order, header_bytes, chunk_points):
    found = read_bytes(written(rows, order, header_bytes), "fit", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert_same(found.rows, rows)
    assert found.points.devices == ("stem",)


@settings(max_examples=50)
@given(rows_of, st.integers(0, 100_000))
def test_a_cut_file_gives_its_points_and_reports_it(rows, at):
    data = written(rows)
    at %= len(data)
    found = read_bytes(data[:at], "fit")
    whole = max(at - 14 - len(fw.definition(20, PLAIN)), 0) // 13
    assert_same(found.rows, rows[: min(whole, len(rows))])
    if found.rows:
        assert found.reasons == ["truncated"]
    else:
        assert found.error or found.reasons == ["truncated"] or not at


@settings(max_examples=50)
@given(rows_of.filter(bool), st.integers(0, 100_000), st.binary(min_size=1, max_size=2))
def test_damage_never_costs_the_points_before_it(rows, at, junk):
    data = written(rows)
    first = 14 + len(fw.definition(20, PLAIN))
    at = first + at % (len(data) - first)
    found = read_bytes(data[:at] + junk + data[at + len(junk) :], "fit")
    before = min((at - first) // 13, len(rows))
    assert_same(found.rows[:before], rows[:before])
    changed = data[:at] + junk + data[at + len(junk) :] != data
    assert bool(found.refused or found.error) == changed  # two bytes never fool the checksum


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "fit")
    read_bytes(fw.fit(data), "fit")
    read_bytes(fw.fit(fw.definition(20, PLAIN), data), "fit")
    # descriptions of developer fields are what a decoder trusts most
    described = fw.definition(206, [(0, 1, 2), (1, 1, 2), (2, 1, 2)], local=1)
    read_bytes(fw.fit(described, b"\x01" + data[:3].ljust(3, b"\0"), data), "fit")


ROWS = [("", 1_767_225_600 + k, 0, 60.1 + k, 24.9) for k in range(5)]


def test_chained_files_are_read_one_after_another():
    found = read_bytes(written(ROWS[:2]) + written(ROWS[2:], ">"), "fit")
    assert_same(found.rows, ROWS)
    assert found.refused == []


def test_a_wrong_checksum_costs_no_point_and_is_reported():
    data = bytearray(written(ROWS[:2]) + written(ROWS[2:]))
    data[len(written(ROWS[:2])) - 1] ^= 1
    found = read_bytes(bytes(data), "fit")
    assert_same(found.rows, ROWS)
    assert found.reasons == ["unreadable"]
    assert "checksum" in found.refused[0].raw


def test_units_and_the_better_of_two_fields():
    fields = [*PLAIN, (2, 2, 0x84), (6, 2, 0x84), (31, 1, 0x02)]
    plain = fw.data("IiiHHB", *fw.position(*ROWS[0][1:2], 60.1, 24.9), 2600, 3250, 4)
    enhanced = fw.data("IiiII", *fw.position(ROWS[1][1], 60.1, 24.9), 2650, 4000, local=1)
    data = fw.fit(
        fw.definition(20, fields),
        plain,
        fw.definition(20, [*PLAIN, (78, 4, 0x86), (73, 4, 0x86)], local=1),
        enhanced,
    )
    first, second = read_bytes(data, "fit").rows
    assert first[4:] == (20.0, 4.0, 3.25, None)
    assert second[4:] == (30.0, None, 4.0, None)


def test_fields_of_apps_are_not_looked_at():
    """One says to be a latitude: it has the same number, and the same name."""
    ids = fw.definition(207, [(3, 1, 2)], local=1) + fw.data("B", 0, local=1)
    described = fw.definition(206, [(0, 1, 2), (1, 1, 2), (2, 1, 2), (3, 13, 7)], local=2)
    described += fw.data("BBB13s", 0, 0, 0x85, b"position_lat", local=2)
    record = fw.definition(20, PLAIN, developer=[(0, 4, 0)])
    record += fw.data("Iiii", *fw.position(ROWS[0][1], 60.1, 24.9), 12345)
    found = read_bytes(fw.fit(ids, described, record), "fit")
    assert_same(found.rows, ROWS[:1])
    assert found.refused == []


def test_compressed_times_go_on_from_the_last_full_one():
    second, lat, lon = fw.position(ROWS[0][1], 60.1, 24.9)
    offset = (second + 3) & 31
    short = fw.definition(20, [fw.LAT, fw.LON], local=1)
    compressed = bytes([0x80 | 1 << 5 | offset]) + struct.pack("<ii", lat, lon)
    data = fw.fit(fw.definition(20, PLAIN), fw.data("Iii", second, lat, lon), short, compressed)
    found = read_bytes(data, "fit")
    assert [row[1] // 1_000_000 - ROWS[0][1] for row in found.rows] == [0, 3]


def test_records_without_a_position_are_counted_once_and_half_ones_are_refused():
    good = fw.position(ROWS[0][1], 60.1, 24.9)
    data = fw.fit(
        fw.definition(20, PLAIN),
        *(fw.data("Iii", good[0], UNKNOWN, UNKNOWN) for _ in range(3)),
        fw.data("Iii", good[0], good[1], UNKNOWN),
        fw.data("Iii", *good),
        fw.definition(160, [(253, 4, 0x86), (1, 4, 0x85), (2, 4, 0x85)], local=1),
        fw.data("Iii", *good, local=1),
    )
    found = read_bytes(data, "fit")
    assert len(found.points) == 1
    assert found.reasons == ["no_position"]
    assert found.skipped == {"record without a position": 3, "position of a camera": 1}
    assert found.refused[0].where == "file: record 4"


@pytest.mark.parametrize("together", [1, 40])
def test_the_times_of_a_course_are_no_recording(together):
    """Watches keep courses as records too, with the times of a partner to race against."""
    kind, activity, course = [(0, 1, 0x00)], 4, 6
    places = [(ROWS[0][1] + k, 60.1 + k / 1000, 24.9) for k in range(together)]
    records = [fw.definition(20, PLAIN), *(fw.data("Iii", *fw.position(*at)) for at in places)]

    def file(kind_of_file: int) -> bytes:
        first = [fw.definition(0, kind, local=1), fw.data("B", kind_of_file, local=1)]
        return fw.fit(*first, *records)

    found = read_bytes(file(course), "fit")
    assert (found.rows, found.reasons) == ([], [])
    assert found.skipped == {"point of a course": together}
    chained = read_bytes(file(course) + file(activity), "fit")
    assert len(chained.points) == chained.skipped["point of a course"] == together


def test_a_clock_that_was_never_set_is_no_time():
    """Read as seconds since 1989, it would be a believable day of the nineties."""
    _, lat, lon = fw.position(ROWS[0][1], 60.1, 24.9)
    times = [0x0FFFFFFF, 0xFFFFFFFF]
    data = fw.fit(fw.definition(20, PLAIN), *(fw.data("Iii", t, lat, lon) for t in times))
    found = read_bytes(data, "fit")
    assert found.reasons == ["bad_time", "no_time"]


def test_a_header_that_promises_gigabytes_takes_no_memory():
    data = bytearray(written(ROWS))
    data[4:8] = b"\xf0\xff\xff\xff"
    data[12:14] = b"\0\0"
    tracemalloc.start()
    found = read_bytes(bytes(data), "fit")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_same(found.rows, ROWS)
    assert found.reasons in (["truncated"], ["unreadable"])
    assert peak_bytes < 5_000_000


@pytest.mark.parametrize("header_bytes", [12, 14])
def test_a_recording_that_was_never_finished_is_read(header_bytes):
    """The device writes the length last."""
    data = bytearray(written(ROWS, header_bytes=header_bytes)[:-2])
    data[4:8] = bytes(4)
    found = read_bytes(bytes(data), "fit")
    assert_same(found.rows, ROWS)
    assert found.reasons == ["truncated"]


def test_a_file_without_records_reports_it():
    assert "cannot be read as FIT" in read_bytes(b"\x0e\x20.......FIT", "fit").error
