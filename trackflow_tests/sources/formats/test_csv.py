from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackflow.sources.parsing.csv_rows import RECORD_LINES_MAX
from trackflow_tests.helpers.reading import points, read_bytes

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(second: int, micro: int, zone, *, with_zone: bool = True, sep: str = "T") -> str:
    moment = EPOCH + timedelta(seconds=second, microseconds=micro)
    moment = moment.astimezone(zone)
    text = moment.strftime(f"%Y-%m-%d{sep}%H:%M:%S.%f")
    return text + (moment.strftime("%z") if with_zone else "")


TIME_FORMS = {
    "iso Z": lambda s, u: iso(s, u, UTC, with_zone=False) + "Z",
    "iso offset": lambda s, u: iso(s, u, timezone(timedelta(hours=-7, minutes=-30))),
    "iso naive": lambda s, u: iso(s, u, UTC, with_zone=False, sep=" "),
    "iso words": lambda s, u: iso(s, u, UTC, with_zone=False, sep=" ") + " UTC",
    "iso spaced": lambda s, u: iso(s, u, UTC, with_zone=False, sep=" ") + " +00:00",
    "us": lambda s, u: str(s * 1_000_000 + u),
    "seconds": lambda s, u: f"{s}.{u:06}",
    "german": lambda s, u: (EPOCH + timedelta(seconds=s, microseconds=u)).strftime(
        "%d.%m.%Y %H:%M:%S.%f"
    ),
}
HEADERS = [
    ("device_id", "recorded_at", "lat", "lon"),
    ("Vehicle ID", "Time Stamp", "Latitude", "Longitude"),
    ("imei", "fixTime", "y", "x"),
    ("USER", "utc", "latitude_deg", "lng"),
]


@st.composite
def tables(draw):
    rows = draw(st.lists(points, min_size=1, max_size=30))
    header = list(draw(st.sampled_from(HEADERS)))
    form = draw(st.sampled_from(sorted(TIME_FORMS)))
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    comma = separator != "," and draw(st.booleans())
    quoted = draw(st.booleans())
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    order = draw(st.permutations(range(5)))

    def degrees(value: float) -> str:
        text = f"{value:.7f}"
        return text.replace(".", ",") if comma else text

    cells = [[*header, "note"]]
    for device, second, micro, lat, lon in rows:
        time = TIME_FORMS[form](second, micro)
        note = draw(st.sampled_from(["", "a", 'say ""hi""', "two\nlines"])) if quoted else ""
        cells.append([device, time, degrees(lat), degrees(lon), note])
    shuffled = [[row[i] for i in order] for row in cells]
    if quoted:
        shuffled = [[f'"{cell}"' for cell in row] for row in shuffled]
    text = line_end.join(separator.join(row) for row in shuffled) + line_end
    bom = b"\xef\xbb\xbf" if draw(st.booleans()) else b""
    return rows, bom + text.encode()


@settings(max_examples=60)
@given(tables(), st.sampled_from([10, 200, 4_000_000]))
def test_a_table_reads_back_as_it_was_written(table, block_bytes):
    rows, data = table
    found = read_bytes(data, "csv", block_bytes=block_bytes)
    assert found.error == ""
    assert found.refused == []
    expected = [(d, s * 1_000_000 + u, lon, lat) for d, s, u, lat, lon in rows]
    assert [row[:4] for row in found.rows] == expected


NEAR_NOTHING = b"recorded_at,lat,lon\n" + b"2000-01-01T00:00:00Z,0.0000000,0.0000001\n" * 3
LAST_POINT = NEAR_NOTHING.rindex(b".") - NEAR_NOTHING.index(b"\n") - 1


@given(tables(), st.integers(0, 10_000), st.binary(min_size=1, max_size=4))
@example(([], NEAR_NOTHING), LAST_POINT, b"\xb2")  # a digit, and no number
@example(([], NEAR_NOTHING), LAST_POINT, b"1")  # as if in whole units
def test_damage_costs_nothing_before_it(table, at, junk):
    _, data = table
    header_end = data.index(b"\n") + 1
    at = header_end + at % max(len(data) - header_end, 1)
    damaged = data[:at] + junk + data[at + len(junk) :]
    found = read_bytes(damaged, "csv")
    whole = read_bytes(data, "csv").rows
    if b"two\n" in data:
        return  # lines are not rows then
    before = data[header_end:at].count(b"\n")
    assert found.rows[:before] == whole[:before]
    assert "\n" not in found.error


@given(st.binary(max_size=300))
@example(b"lat,lon,time\n")
@example(b"\xff\xfe")
@example(b"sep=;\n#\n")
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "csv")
    read_bytes(b"lat,lon,time\n" + data, "csv")


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(
            [
                b"a,2026-01-01T00:00:00Z,1,2",
                b"a,2026-01-01 00:00:00+01,1,2",
                b"a,1,2",
                b'a,"2026-01-01T00:00:00Z,1,2',
                b'"b\nc",2026-01-01T00:00:00Z,1,2',
                b'5" pipe,2026-01-01T00:00:00Z,1,2',
                b"",
                b"a,rubbish,1,2",
                b"a,2026-01-01T00:00:00Z, 1 ,2\xff",
                b"a\rb,2026-01-01T00:00:00Z,1,2",
                b"\xfcber,2026-01-01T00:00:00Z,1,2\r",
                b",2026-01-01T00:00:00Z,+1,2e0",
            ]
        ),
        max_size=40,
    )
)
def test_where_blocks_end_changes_nothing(lines):
    data = b"device,time,lat,lon\na,2026-01-01T00:00:00Z,1,2\n" + b"\n".join(lines)
    by_size = [read_bytes(data, "csv", block_bytes=size) for size in (7, 64, 1_000_000)]
    read_back = [
        (o.rows, sorted((r.where, r.reason, r.raw) for r in o.refused), o.error) for o in by_size
    ]
    assert read_back[0] == read_back[1] == read_back[2]


REFUSED = {
    "95,10,2026-01-01T00:00:00Z": "out_of_range",
    "10,181,2026-01-01T00:00:00Z": "out_of_range",
    "nan,10,2026-01-01T00:00:00Z": "not_a_number",
    "inf,10,2026-01-01T00:00:00Z": "not_a_number",
    "north,10,2026-01-01T00:00:00Z": "not_a_number",
    "1_0,10,2026-01-01T00:00:00Z": "not_a_number",
    ",10,2026-01-01T00:00:00Z": "no_position",
    "NULL,10,2026-01-01T00:00:00Z": "no_position",
    "0,0.0,2026-01-01T00:00:00Z": "null_island",
    "10,10,": "no_time",
    "10,10,yesterday": "bad_time",
    "10,10,2026-02-30T00:00:00Z": "bad_time",
    "10,10,2026-01-01": "bad_time",
    "10,10,1901-01-01T00:00:00Z": "time_out_of_range",
    "10,10,2106-02-07T06:28:15Z": "time_out_of_range",
    "10,10": "ragged_row",
    "10,10,2026-01-01T00:00:00Z,7": "ragged_row",
}


@pytest.mark.parametrize("row", REFUSED)
def test_a_bad_row_is_refused_and_its_neighbours_are_not(row):
    good = "10,20,2026-01-01T00:00:00Z\n"
    found = read_bytes(f"lat,lon,time\n{good}{row}\n{good * 30}".encode(), "csv")
    assert found.reasons == [REFUSED[row]]
    assert found.refused[0].where == "file:3"
    assert found.refused[0].raw == row
    assert len(found.points) == 31


def test_an_unclosed_quote_costs_one_row():
    good = "a,10,20,2026-01-01T00:00:00Z\n"
    data = f'device,lat,lon,time\n{good}"a,10,20,2026-01-01T00:00:00Z\n{good * 50}'
    found = read_bytes(data.encode(), "csv")
    assert found.reasons == ["ragged_row"]
    assert len(found.points) == 51
    assert RECORD_LINES_MAX < 50


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("latE7,lonE7,t", "601234567,249876543,1767225600"),
        ("latitude,longitude,ts", "601234567,249876543,1767225600000"),
        ("lat,lon,epoch_us", "60.1234567,24.9876543,1767225600000000"),
        ("position_lat,position_long,timestamp", "717300778,298114328,2026-01-01 00:00:00"),
        ("lat,lon,Date,Time", "60.1234567,24.9876543,2026-01-01,00:00:00"),
        ("lat,lon,date,time", "60.1234567,24.9876543,2026-01-01,2026-01-01T00:00:00Z"),
        ("lat,lon,date,time", "60.1234567,24.9876543,01.01.2026,00:00:00.0"),
        ("lat,lon,datetime", "60.1234567,24.9876543,20260101000000"),
        ("lat,lon,datetime", "60.1234567,24.9876543,1/13/2026 12:00:00 AM"),
        ("lat,lon,datetime", "60.1234567,24.9876543,2026/1/1 00:00:00"),
    ],
)
def test_units_and_forms(header, cell):
    found = read_bytes(f"{header}\n{cell}\n".encode(), "csv")
    assert found.error == ""
    assert found.refused == []
    day = 12 if "1/13/" in cell else 0
    assert found.points.time_us[0] == (1_767_225_600 + day * 86_400) * 1_000_000
    np.testing.assert_allclose(found.points.lat, 60.1234567, atol=2e-7)
    np.testing.assert_allclose(found.points.lon, 24.9876543, atol=2e-7)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("speed", "10", 10),
        ("Speed (km/h)", "36", 10),
        ("speed_knots", "36", 18.52),
        ("speed_mph", "100", 44.704),
        ("speed", "-1", None),
        ("speed", "fast", None),
    ],
)
def test_speed_units(name, value, expected):
    data = f"lat,lon,time,{name}\n1,2,2026-01-01T00:00:00Z,{value}\n"
    (row,) = read_bytes(data.encode(), "csv").rows
    assert row[6] == (expected if expected is None else pytest.approx(expected))


def test_accuracy_from_hdop_where_there_is_none():
    data = b"# time\tlat\tlon\thdop\taccuracy\n2026-01-01T00:00:00Z\t1\t2\t2\t\n"
    (row,) = read_bytes(data, "csv").rows
    assert row[5] == 10.0


def test_a_row_id_is_no_device():
    rows = "".join(f"{i},1,2,2026-01-01T00:00:0{i}Z\n" for i in range(8))
    assert read_bytes(b"id,lat,lon,time\n" + rows.encode(), "csv").points.devices == ("stem",)
    rows = "".join(f"{i % 2},1,2,2026-01-01T00:00:0{i}Z\n" for i in range(8))
    assert read_bytes(b"id,lat,lon,time\n" + rows.encode(), "csv").points.devices == ("0", "1")


def test_the_given_device_wins():
    data = b"device,lat,lon,time\na,1,2,2026-01-01T00:00:00Z\n"
    assert read_bytes(data, "csv", device_id="mine").points.devices == ("mine",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"t_offset_s,lat,lon\n1,2,3\n", "no column of time found among: t_offset_s, lat, lon"),
        (b"time,lat,lon\n1,2,3\n2,2,3\n", "unknown start"),
        (b"time,lat\n1,2\n", "no column of longitude"),
        (b"time,lat,lon\n03/04/2026 10:00:00,2,3\n", "day/month or month/day"),
        (b"1,2,3\n1,2,3\n", "no header line"),
        (b"", "no header line"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(data, words):
    found = read_bytes(data, "csv")
    assert words in found.error
    assert len(found.points) == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding, line_end):
    text = line_end.join(["device;lat;lon;time", "Bär;1,5;2,5;2026-01-01 00:00:00", ""])
    (row,) = read_bytes(text.encode(encoding), "csv").rows
    assert row[:4] == ("Bär", 1_767_225_600_000_000, 2.5, 1.5)


def test_an_endless_line_is_an_error_not_a_full_memory():
    found = read_bytes(b"lat,lon,time\n" + b"1" * 3_000_000, "csv", block_bytes=500_000)
    assert "line is longer" in found.error
