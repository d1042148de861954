"""Inputs of receivers, layers and data frames, and the values they mean."""

import datetime as dt
import io
import json
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.values.positions import position
from trackflow_tests.helpers.reading import NOW_US, only_row, read_any

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO = "2024-05-01T10:00:00Z"
LATER = "2024-05-01T10:00:10Z"
DEVICE, TIME, ALTITUDE, ACCURACY, SPEED, COURSE = 0, 1, 4, 5, 6, 7
PLACE = {"lat": 60.1, "lon": 24.9}
MOMENTS = [(AT * 1_000_000, 24.9, 60.1), ((AT + 10) * 1_000_000, 24.8, 60.2)]


def assert_both(data: str | bytes, name: str = "file.csv") -> list[tuple]:
    """The two points of a file, which are those of `MOMENTS`."""
    found = read_any(data, name)
    assert (found.error, found.reasons) == ("", [])
    assert [row[1:4] for row in found.rows] == [
        (us, pytest.approx(lon, abs=1e-6), pytest.approx(lat, abs=1e-6)) for us, lon, lat in MOMENTS
    ]
    return found.rows


def parquet(**columns: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def collection(*features: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def point(place: list[float], properties: object, **members: object) -> dict[str, object]:
    geometry = {"type": "Point", "coordinates": place}
    return {"type": "Feature", "geometry": geometry, "properties": properties, **members}


LINE = [[24.9, 60.1], [24.8, 60.2]]
BOTH = [ISO, LATER]


def line(properties: object, coordinates: object = LINE, **members: object) -> str:
    geometry = {"type": "LineString", "coordinates": coordinates}
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    return json.dumps(feature | members)


OF_POINTS = [
    lambda t: ({}, {"when": {"datetime": t}}),
    lambda t: ({}, {"when": {"type": "Instant", "instant": t}}),
    lambda t: ({}, {"when": {"timespans": [{"start": {"in": t}}]}}),
    lambda t: ({"when": {"start": t}}, {}),
    lambda t: ({"times": [t]}, {}),
    lambda t: ({"coordTimes": [t]}, {}),
    lambda t: ({"coordinateProperties": {"times": [t]}}, {}),
    lambda t: ({"linestringTimestamps": [t]}, {}),
]


@pytest.mark.parametrize("written", OF_POINTS)
def test_times_of_points_stand_in_all_customary_places(written) -> None:
    features = [point(p, *written(t)[:1], **written(t)[1]) for p, t in zip(LINE, BOTH, strict=True)]
    assert_both(collection(*features))
    many = read_any(collection(*features * 6))  # by column
    assert sorted({row[1:4] for row in many.rows}) == MOMENTS


OF_LINES = [
    line({"linestringTimestamps": BOTH}),
    line({"time": BOTH}),
    line({"time": [AT, AT + 10], "heart_rates": [1, 2]}),
    line({"dates": BOTH}),
    line({"datetimes": BOTH}),
    line({}, when={"timestamps": BOTH}),
    line({}, when={"start": ISO, "end": LATER}),
    line({}, [[*place, 5, AT + 10 * at] for at, place in enumerate(LINE)]),
    line({}, [[*place, AT + 10 * at] for at, place in enumerate(LINE)]),
    collection(*(point([*place, AT + 10 * at], {}) for at, place in enumerate(LINE))),
    collection(*(point([*place, 5, AT + 10 * at], {}) for at, place in enumerate(LINE))),
    json.dumps({"type": "LineString", "coordinates": LINE, "coordTimes": BOTH}),
]


@pytest.mark.parametrize("text", OF_LINES)
def test_times_of_lines_stand_in_all_customary_places(text: str) -> None:
    first = assert_both(text)[0]
    assert first[ALTITUDE] in (None, 5.0)


def test_a_list_of_other_length_under_a_name_of_times_is_no_list_of_times() -> None:
    for other in ({"updates": [ISO]}, {"time": [0, 10]}):
        found = read_any(line({"start": ISO, "end": LATER} | other))
        assert [row[1:4] for row in found.rows] == MOMENTS


BINARY = struct.pack("<BIIddd", 1, 0xA0000001, 4326, 24.9, 60.1, 5)
HIGH = [
    "POINT Z (24.9 60.1 5)", "POINT(24.9 60.1 5)", "SRID=4326;POINT ZM (24.9 60.1 5 7)",
    "geo:60.1,24.9,5;u=4", "60.1,24.9,5.0", '{"type": "Point", "coordinates": [24.9, 60.1, 5]}',
    BINARY.hex(), '{"lat": 60.1, "lon": 24.9, "alt": 5}',
]  # fmt: skip


@pytest.mark.parametrize("text", HIGH)
def test_a_height_in_one_text_with_the_position_is_kept(text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    table = f"time;geom\n{ISO};{quoted}\n{LATER};POINT M (24.8 60.2 9)\n"
    rows = assert_both(table)
    listed = assert_both(json.dumps([{"time": ISO, "geom": text},
                                     {"time": LATER, "geom": "POINT(24.8 60.2)"}]))  # fmt: skip
    assert [row[ALTITUDE] for row in rows] == [row[ALTITUDE] for row in listed] == [5.0, None]


def test_a_height_of_an_object_or_of_geoparquet_is_kept() -> None:
    for geometry in (
        {"type": "Point", "coordinates": [24.9, 60.1, 5]},
        {"x": 24.9, "y": 60.1, "z": 5},
    ):
        assert only_row(json.dumps([{"time": ISO, "location": geometry}]))[ALTITUDE] == 5.0
    geo = {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    table = pa.table({"time": [ISO], "geometry": [struct.pack("<BIddd", 1, 1001, 24.9, 60.1, 5)]})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), out)
    assert only_row(out.getvalue())[2:5] == (24.9, 60.1, 5.0)
    geo["columns"]["geometry"]["crs"] = {"type": "ProjectedCRS", "name": "TM35FIN"}  # type: ignore[index]
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), out := io.BytesIO())
    assert "TM35FIN" in read_any(out.getvalue()).error


@given(st.text(max_size=60) | st.binary(max_size=30).map(lambda data: "01" + data.hex()))
def test_any_text_is_a_position_or_none(text: str) -> None:
    position(text)
    position(f"POINT Z ({text})")


def fit(at: int) -> dict[str, object]:
    """A message of FIT as its decoders write it, with its own units."""
    degree = 2**31 / 180
    return {"timestamp": AT - 631_065_600 + 10 * at, "position_lat": round(LINE[at][1] * degree),
            "position_long": round(LINE[at][0] * degree)}  # fmt: skip


def e7(at: int) -> dict[str, object]:
    return {"time": BOTH[at], "lat": round(LINE[at][1] * 1e7), "lon": str(round(LINE[at][0] * 1e7))}


@pytest.mark.parametrize("written", [fit, e7])
def test_whole_numbers_that_are_no_degrees_in_json(written) -> None:
    records = [written(0), written(1)]
    assert_both(json.dumps(records))
    assert_both(json.dumps({"records": records}))
    many = read_any(json.dumps(records * 6))  # by column
    assert len({row[1:4] for row in many.rows}) == 2
    assert only_row(json.dumps([{"time": ISO, "lat": 60, "lon": 24}]))[2:4] == (24, 60)
    e7_inside = {"latitude": 601_000_000, "longitude": 249_000_000}
    assert only_row(json.dumps([{"time": ISO, "position": e7_inside}]))[2:4] == (24.9, 60.1)


def test_angles_of_suunto_are_radians_whatever_else_a_sample_has() -> None:
    places = [{"Latitude": 1.0489428804, "Longitude": 0.4345869838, "UTC": ISO, "GPSAltitude": 5},
              {"Latitude": 1.0506882096, "Longitude": 0.4328416545, "UTC": LATER}]  # fmt: skip
    samples = [
        {"Attributes": {"suunto/sml": {"Sample": p}}, "TimeISO8601": p["UTC"]} for p in places
    ]
    assert_both(json.dumps({"Samples": samples}))
    table = f"UTC,Latitude,Longitude,GPSAltitude\n{ISO},60.1,24.9,5\n"
    assert only_row(table)[2:4] == (24.9, 60.1)


OF_FLEETS = [
    {"t": AT, "tp": "ud", "pos": {"y": 60.1, "x": 24.9, "z": 5, "s": 36, "c": 90, "sc": 9}},
    {
        "state": {
            "reported": {"ts": AT * 1000, "latlng": "60.1,24.9", "alt": 5, "ang": 90, "sp": 36}
        }
    },
]


@pytest.mark.parametrize("message", OF_FLEETS)
def test_short_names_of_fleets(message: object) -> None:
    row = only_row(json.dumps({"messages": [message]}))
    assert (row[ALTITUDE], row[SPEED], row[COURSE]) == (5.0, pytest.approx(10), 90.0)


def test_vehicles_in_the_json_of_siri() -> None:
    activities = [
        {"RecordedAtTime": t, "MonitoredVehicleJourney": {
            "LineRef": "1", "VehicleRef": ref, "VehicleLocation": {"Longitude": x, "Latitude": y}}}
        for t, ref, (x, y) in zip(BOTH, "ab", LINE, strict=True)
    ]  # fmt: skip
    delivery = {"VehicleMonitoringDelivery": [{"VehicleActivity": activities}]}
    rows = assert_both(json.dumps({"Siri": {"ServiceDelivery": delivery}}))
    assert [row[DEVICE] for row in rows] == ["a", "b"]


SEMI = 2**31 / 180
OF_FIT_CSV = "".join(
    f'Data,0,record,timestamp,"{AT - 631_065_600 + 10 * at}",s,position_lat,"{round(y * SEMI)}",'
    f'semicircles,position_long,"{round(x * SEMI)}",semicircles,enhanced_altitude,"5.0",m,\n'
    for at, (x, y) in enumerate(LINE)
)
SBS = "MSG,3,1,1,4CA2D6,1,2024/05/01,10:00:{},2024/05/01,10:00:01.000,,35000,,,{},,,0,0,0,0\r\n"
HITRACK = (
    "tp=lbs;k=0;lat=60.1;lon=24.9;alt=5.0;t=1.7145576E9;\n"
    "tp=lbs;k=1;lat=90.0;lon=-80.0;alt=0.0;t=0.0;\ntp=h-r;k=1714557600;v=80;\n"
    "tp=lbs;k=2;lat=60.2;lon=24.8;alt=5.0;t=1.71455761E9;\n"
)
HEADLESS = [
    (SBS.format("00.000", "60.1,24.9") + "MSG,4,1,1,4CA2D6,1,2024/05/01,10:00:05.000,2024/05/01,"
     "10:00:05.000,,,450,90,,,0,,,,,0\r\n" + SBS.format("10.000", "60.2,24.8"), 35_000 * 0.3048),
    (f"REG;{AT};24.9;60.1;36;90;ALT:5.0,,;,,;\nREG;{AT + 10};24.8;60.2;36;90;;,\n", 5.0),
    (HITRACK, 5.0),
    ("Type,Local Number,Message,Field 1,Value 1,Units 1\nDefinition,0,file_id,type,1,\n"
     + OF_FIT_CSV, 5.0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "altitude_m"), HEADLESS)
def test_tables_that_are_known_without_a_header(text: str, altitude_m: float) -> None:
    for name in ("x.csv", "x.txt", "x"):
        assert assert_both(text, name)[0][ALTITUDE] == pytest.approx(altitude_m)
    small = read_any(text, block_bytes=40)
    assert [row[1] for row in small.rows] == [us for us, _, _ in MOMENTS]


def test_a_count_since_1970_settles_a_clock_with_parts_of_seconds_or_their_zeros() -> None:
    for part, us in (("250", 250_000), ("000", 0)):
        clock = f"2024-05-01 13:00:00.{part}"
        table = f"time,epoch,lat,lon\n{clock},{AT},60.1,24.9\n"
        listed = json.dumps([{"time": clock, "epoch": AT, **PLACE}])
        local = dt.datetime(2024, 5, 1, 13, 0, 0)  # noqa: DTZ001  a clock on the wall
        framed = parquet(time=[local], epoch=[AT], lat=[60.1], lon=[24.9])
        for data in (table, listed, framed):
            assert only_row(data)[1] == AT * 1_000_000 + (0 if data is framed else us)


def test_times_that_were_the_names_of_rows_in_pandas() -> None:
    assert_both(",lat,lon\n2024-05-01 10:00:00,60.1,24.9\n2024-05-01 10:00:10,60.2,24.8\n")
    moments = [dt.datetime.fromisoformat(text) for text in BOTH]
    assert_both(parquet(lat=[60.1, 60.2], lon=[24.9, 24.8], __index_level_0__=moments))
    assert "no column of time" in read_any(",lat,lon\n0,60.1,24.9\n1,60.2,24.8\n").error


def test_times_of_core_data_and_counts_from_a_start_in_parquet() -> None:
    since_2001 = 978_307_200
    seconds = [1_514_800_800.0 - since_2001, 1_514_800_810.0 - since_2001]
    found = read_any(parquet(ZTIMESTAMP=seconds, ZLATITUDE=[60.1, 60.2], ZLONGITUDE=[24.9, 24.8]))
    assert [row[1] // 1_000_000 for row in found.rows] == [1_514_800_800, 1_514_800_810]
    assert_both(
        parquet(start_time=[ISO] * 2, elapsed_s=[0, 10], lat=[60.1, 60.2], lon=[24.9, 24.8])
    )


def test_sentences_among_the_binary_messages_of_a_receiver() -> None:
    ubx = b"\xb5b\x01\x07" + struct.pack("<H", 92) + bytes(94)
    first = b"$GPRMC,100000.00,A,6006.0000,N,02454.0000,E,0,0,010524,,,A\r\n"
    second = b"$GPRMC,100010.00,A,6012.0000,N,02448.0000,E,0,0,010524,,,A\r\n"
    for data in (ubx + first + ubx + second, first + ubx + ubx + second + ubx):
        assert_both(data)
    with pytest.raises(Exception, match="u-blox"):
        read_any(ubx * 3)


def test_a_clock_of_a_receiver_behind_a_date_with_marks() -> None:
    other = "LAP,UTCTIME,DATE,TIME,LATITUDE,LONGITUDE\n0,100000.00,05/13/2024,0.0,60.1,24.9\n"
    assert only_row(other)[1] == (AT + 12 * 86_400) * 1_000_000
    listed = json.dumps([{"date": "2024-05-01", "utc_time": "100000.25", **PLACE}])
    table = "date,time,lat,lon\n2024-05-01,100000.25,60.1,24.9\n"
    assert only_row(listed)[1] == only_row(table)[1] == AT * 1_000_000 + 250_000


def test_seconds_and_the_parts_of_one_are_one_time() -> None:
    for names in ("seconds", "nanos"), ("_seconds", "_nanoseconds"):
        time = dict(zip(names, (AT, 500_000_000), strict=True))
        place = {"_latitude": 60.1, "_longitude": 24.9}
        row = only_row(json.dumps([{"location": place, "timestamp": time}]))
        assert row[1:4] == (AT * 1_000_000 + 500_000, 24.9, 60.1)


def test_lists_of_positions_that_begin_with_the_longitude_inside_records() -> None:
    amazon = [{"DeviceId": "d", "SampleTime": t, "Position": p, "Accuracy": {"Horizontal": 5}}
              for t, p in zip(BOTH, LINE, strict=True)]  # fmt: skip
    row = assert_both(json.dumps({"DevicePositions": amazon}))[0]
    assert (row[DEVICE], row[ACCURACY]) == ("d", 5.0)
    own = [{"time": t, "lonlat": p} for t, p in zip(BOTH, LINE, strict=True)]
    assert_both(json.dumps({"data": {"points": own}}))


def test_a_start_above_a_table_may_be_called_start_time() -> None:
    rows = "Time (sec),lat,lon\n0,60.1,24.9\n10,60.2,24.8\n"
    assert_both(f"StartTime = 2024-05-01 10:00:00\n{rows}")
    assert_both(f"# StartDate: 2024-05-01 10:00:00\n{rows}")


def test_units_of_senders_that_are_known_by_their_names_hold_at_the_door() -> None:
    flespi = {"ident": "1", "timestamp": AT, "position.latitude": 60.1,
              "position.longitude": 24.9, "position.speed": 36}  # fmt: skip
    whole = {"id": "x", "lat": 601_000_000, "lon": 249_000_000, "timestamp": AT, "speed": 10}
    for record, speed_ms in ((flespi, 10.0), (whole, 10 * 1852 / 3600)):
        sent = traccar.read(json.dumps(record).encode(), Envelope("traccar"), NOW_US, NOW_US)
        (row,) = sent.points.rows()
        assert row[1:4] == (AT * 1_000_000, 24.9, 60.1)
        assert row[SPEED] == pytest.approx(speed_ms)


def test_a_start_behind_a_long_list_and_durations_count_from_it() -> None:
    items = [{"lat": 60.1, "lng": 24.9, "alt": 5, "t": 1000 * k} for k in range(1_100)]
    found = read_any(json.dumps({"items": items, "date": "2024-05-01T10:00:00.000Z"}))
    assert [row[1] // 1_000_000 - AT for row in found.rows] == list(range(1_100))
    route = [{"latitude": y, "longitude": x, "time": count}
             for (x, y), count in zip(LINE, ("PT0S", "PT0M10.0S"), strict=True)]  # fmt: skip
    start = {"start-time": "2024-05-01T13:00:00", "start-time-utc-offset": 180}
    assert_both(json.dumps({"exercises": [start | {"route": route}]}))
