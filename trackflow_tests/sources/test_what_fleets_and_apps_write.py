"""Inputs of fleets, apps, databases and geographic programs, and the values they mean."""

import io
import json

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices.raw_fix import moment_us
from trackflow.sources.recognition import UnknownFormatError, detect
from trackflow.sources.values.counted_times import TimeForm
from trackflow_tests.helpers.reading import only_row, read_any, read_bytes

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO = "2024-05-01T10:00:00Z"
LATER = "2024-05-01T10:00:10Z"
DEVICE, TIME, ALTITUDE, ACCURACY, SPEED = 0, 1, 4, 5, 6
MOMENTS = [(AT * 1_000_000, 24.9, 60.1), ((AT + 10) * 1_000_000, 24.8, 60.2)]
PLACE = {"lat": 60.1, "lon": 24.9}


def endomondo(time: str, lat: float, lon: float) -> list[dict[str, object]]:
    place = [[{"latitude": lat}, {"longitude": lon}]]
    return [{"location": place}, {"altitude": 5}, {"speed_kmh": 36.0}, {"timestamp": time}]


ROWS = [[ISO, 60.1, 24.9], [LATER, 60.2, 24.8]]
NAMES = ["time", "lat", "lon"]
SHAPES = [
    [{"points": [endomondo("Wed May 1 10:00:00 UTC 2024", 60.1, 24.9),
                 endomondo("Wed May 1 10:00:10 UTC 2024", 60.2, 24.8)]}],
    {"columns": NAMES, "index": [0, 1], "data": ROWS},
    {"fields": [{"name": name, "type": "any"} for name in NAMES], "rows": ROWS},
    [NAMES, *ROWS],
    {"results": [{"series": [{"name": "gps", "columns": NAMES, "values": ROWS}]}]},
    {"response": {"checkins": {"items": [
        {"createdAt": AT, "timeZoneOffset": 180,
         "venue": {"id": "a", "location": {"lat": 60.1, "lng": 24.9}}},
        {"createdAt": AT + 10, "timeZoneOffset": 180,
         "venue": {"id": "b", "location": {"lat": 60.2, "lng": 24.8}}}]}}},
    {"items": [{"createdAt": f"2024-05-01 10:00:{second}.000000", "timeZoneOffset": 180,
                "venue": {"name": "Cafe"}, "lat": lat, "lng": lon}
               for second, lat, lon in (("00", 60.1, 24.9), ("10", 60.2, 24.8))]},
    {"spatialReference": {"wkid": 4326}, "features": [
        {"attributes": {"time_stamp": AT * 1000}, "geometry": {"x": 24.9, "y": 60.1}},
        {"attributes": {"time_stamp": (AT + 10) * 1000}, "geometry": {"x": 24.8, "y": 60.2}}]},
    [{"latitude": None, "longitude": None, "lonlat": "POINT(24.9 60.1)", "timestamp": AT},
     {"latitude": None, "longitude": None, "lonlat": "POINT(24.8 60.2)", "timestamp": AT + 10}],
    {"Location History": [
        {"Time": "2024/05/01 10:00:00 UTC", "Latitude, Longitude": "60.1 ± 5.0, 24.9 ± 5.0"},
        {"Time": "2024/05/01 10:00:10 UTC", "Latitude, Longitude": "60.2 ± 5.0, 24.8 ± 5.0"}]},
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_positions_in_shapes_of_json(shape):
    found = read_any(json.dumps(shape))
    assert (found.error, found.reasons) == ("", [])
    assert sorted(row[1:4] for row in found.rows) == MOMENTS


@pytest.mark.parametrize(
    "shape",
    [
        {"devices": [{"id": name, "positions": [PLACE | {"time": ISO}]} for name in "ab"]},
        {"vehicles": [PLACE | {"id": name, "time": ISO} for name in "ab"]},
        {"data": [{"id": name, "name": "Truck", "gps": [PLACE | {"time": ISO}]} for name in "ab"]},
        [PLACE | {"user_id": 1, "device_name": name, "time": ISO} for name in "ab"],
    ],
)
def test_devices_of_one_file_are_kept_apart(shape):
    """They were one, and of two positions at one moment the second was set aside."""
    found = read_any(json.dumps(shape))
    assert [(row[DEVICE], *row[1:4]) for row in found.rows] == [
        ("a", *MOMENTS[0]),
        ("b", *MOMENTS[0]),
    ]


@pytest.mark.parametrize("name", ["fix", "GPS fix", "has_fix", "fix_quality"])
def test_a_position_of_no_fix_is_none(name):
    """It is the place at which there was one before."""
    table = f"time,lat,lon,{name}\n{ISO},60.1,24.9,1\n{LATER},60.1,24.9,0\n"
    listed = [PLACE | {"time": moment, name: fix} for moment, fix in ((ISO, 1), (LATER, 0))]
    for data in (table, json.dumps(listed)):
        found = read_any(data)
        assert [row[1:4] for row in found.rows] == MOMENTS[:1]
        assert found.reasons == ["no_position"]


def test_a_projected_map_of_arcgis_says_so():
    shape = {"spatialReference": {"wkid": 102100, "latestWkid": 3857}, "features": [
        {"attributes": {"timestamp": AT * 1000}, "geometry": {"x": 2771855.4, "y": 8453000.2}}
    ]}  # fmt: skip
    assert "EPSG:4326" in read_any(json.dumps(shape)).error


@pytest.mark.parametrize(
    "header",
    ["priority,angle", "latitude_mdeg,longitude_mdeg", "power,odometer,battery_level",
     "drive_id,power"],
)  # fmt: skip
def test_speeds_of_trackers_and_cars_in_kilometres_per_hour(header):
    names = header.split(",")
    values = {"latitude_mdeg": "60100000", "longitude_mdeg": "24900000"}
    places = "" if "mdeg" in header else ",lat,lon"
    row = only_row(
        f"time,speed,{header}{places}\n{ISO},36,{','.join(values.get(n, '1') for n in names)}"
        f"{',60.1,24.9' if places else ''}\n"
    )
    assert row[1:4] == MOMENTS[0]
    assert row[SPEED] == pytest.approx(10)


def test_speeds_of_geotab_and_runtastic_in_kilometres_per_hour():
    geotab = {"latitude": 60.1, "longitude": 24.9, "speed": 36, "dateTime": ISO,
              "device": {"id": "b1"}, "id": "x"}  # fmt: skip
    runtastic = PLACE | {"timestamp": ISO, "speed": 36.0, "accuracy_h": 5, "accuracy_v": 3,
                         "elevation_gain": 0}  # fmt: skip
    for record in (geotab, runtastic):
        assert only_row(json.dumps([record]))[SPEED] == pytest.approx(10)


@pytest.mark.parametrize(
    ("unit", "value"), [("km/h", 10.0), ("mph", 16.09344), ("m/s", 36.0), ("parsec", None)]
)
def test_the_unit_of_an_element_of_gpx(unit, value):
    gpx = (
        f'<gpx><trk><trkseg><trkpt lat="60.1" lon="24.9"><time>{ISO}</time><extensions>'
        f'<speed unit="{unit}">36</speed></extensions></trkpt></trkseg></trk></gpx>'
    )
    speed = only_row(gpx)[SPEED]
    assert speed is None if value is None else speed == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "sentinel", "column"),
    [("altitude", -9999, ALTITUDE), ("altitude", -32768, ALTITUDE), ("speed", 65535, SPEED),
     ("speed", -1, SPEED), ("accuracy", -1, ACCURACY), ("accuracy", 0, ACCURACY)],
)  # fmt: skip
def test_what_stands_for_nothing_is_nothing(name, sentinel, column):
    assert only_row(f"time,lat,lon,{name}\n{ISO},60.1,24.9,{sentinel}\n")[column] is None


@pytest.mark.parametrize(
    "table",
    [
        "utc_time,utc_offset,lat,lon\n2024-05-01 10:00:00,180,60.1,24.9\n",
        "Timestamp (UTC),Time zone,lat,lon\n2024-05-01 10:00:00,Europe/Helsinki,60.1,24.9\n",
        "local_time,utc_offset,lat,lon\n2024-05-01 13:00:00,180,60.1,24.9\n",
        "date,time,lat,lon\n45413,0.416666666666667,60.1,24.9\n",
        "date,time,lat,lon\n45413,10:00:00,60.1,24.9\n",
        "Datum;Zeit;Breite;Länge\n01.05.2024;0,416666666666667;60,1;24,9\n",
        "date,time,lat,lon\n2024-05-01 00:00:00,10:00:00,60.1,24.9\n",
        "date,time,lat,lon\n2024-05-01 00:00:00,1899-12-30 10:00:00,60.1,24.9\n",
        "Position,,When\nLat,Lon,Time\n60.1,24.9,2024-05-01 10:00\n",
        "Position,,Time\nLat,Lon,\n60.1,24.9,2024-05-01 10:00\n",
        "lat,lon,time\nlat,lon,time\n60.1,24.9,2024-05-01 10:00\n",
    ],
)
def test_tables_whose_cells_or_headers_stand_apart(table):
    assert only_row(table)[1:4] == MOMENTS[0]


@pytest.mark.parametrize(
    "units", ["s,deg,deg,km/h", "[s],[deg],[deg],[km/h]", ",,,km/h", "unix time,deg,deg,km/h"]
)
def test_units_in_a_row_below_the_header(units):
    row = only_row(f"time,lat,lon,speed\n{units}\n{ISO},60.1,24.9,36\n")
    assert row[1:4] == MOMENTS[0]
    assert row[SPEED] == pytest.approx(10)


@given(st.integers(946_684_800, 1_790_000_000))
def test_ticks_of_net_are_moments(second):
    """As nanoseconds since 1970 they would lie in 1990."""
    ticks = (second + 62_135_596_800) * 10_000_000
    for data in (f"time,lat,lon\n{ticks},60.1,24.9\n", json.dumps([PLACE | {"time": ticks}])):
        assert abs(only_row(data)[TIME] - second * 1_000_000) < 20


def test_metres_of_a_projection_are_no_degrees():
    found = read_any(f"time,x,y\n{ISO},2771855,8453000\n")
    assert (found.reasons, found.rows) == (["out_of_range"], [])


def test_degrees_without_their_minutes_are_no_position():
    apart = "time,lat_deg,lat_min,lon_deg,lon_min\n"
    assert "put each coordinate into one column" in read_any(f"{apart}{ISO},60,6.0,24,54.0\n").error
    bounds = f"time,lat,lon,lat_min,lat_max\n{ISO},60.1,24.9,60,61\n"
    assert only_row(bounds)[1:4] == MOMENTS[0]


@given(st.integers(0, 86_399))
def test_a_date_and_a_part_of_a_day_are_the_same_as_both_in_one_number(second):
    apart, whole = (
        only_row(f"{names},lat,lon\n{cells},60.1,24.9\n")[TIME]
        for names, cells in (("date,time", f"45413,{second / 86_400:.12f}"),
                             ("time", f"{45_413 + second / 86_400:.12f}"))
    )  # fmt: skip
    assert apart == whole == (1_714_521_600 + second) * 1_000_000


def test_a_header_of_two_rows_in_a_workbook():
    book = openpyxl.Workbook()
    rows = (["Position", None, "Time", "Speed"], ["Lat", "Lon", None, "km/h"],
            [60.1, 24.9, ISO, 36])  # fmt: skip
    for row in rows:
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    out = io.BytesIO()
    book.save(out)
    (row,) = read_bytes(out.getvalue(), "excel").rows
    assert row[1:4] == MOMENTS[0]
    assert row[SPEED] == pytest.approx(10)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"\x00\x00\x27\x0a" + bytes(96), "GeoJSON or CSV"),
        (b"fgb\x03fgb\x00" + bytes(60), "GeoJSON or CSV"),
        (b"ARROW1\x00\x00" + bytes(60), "Parquet"),
        (b"<HealthData/>", "the whole export.zip"),
        (b"[Params]\nVersion=106\n", "header line"),
    ],
)
def test_what_is_not_read_says_what_to_do(start, words):
    with pytest.raises(UnknownFormatError, match=words):
        detect(start, "file")


def test_positions_of_gll_have_the_day_of_the_sentences_beside_them():
    sentences = (
        "$GPGLL,6006.000,N,02454.000,E,095950.00,A,A\n$GPZDA,100000.00,01,05,2024,00,00\n"
        "$GPGLL,6006.000,N,02454.000,E,100000.00,A,A\n$GPGLL,6006.000,N,02454.000,E,100005,V\n"
        "$GPGLL,6006.000,N,02454.000,E\n$GPGLL,6012.000,N,02448.000,E,100010,A\n"
    )
    found = read_any(sentences)
    assert (found.error, found.reasons) == ("", [])
    assert found.skipped == {"sentence without a position": 1}
    rows = [(AT * 1_000_000 - 10_000_000, 24.9, 60.1), *MOMENTS]
    assert [row[1:4] for row in found.rows] == rows
    assert read_any(sentences.replace("$GPZDA", "$GPZZZ")).reasons == ["no_time"] * 3


def test_speeds_of_positions_that_a_server_of_traccar_forwards_are_knots():
    """They were metres per second, as its marks stand one level deeper."""
    position = PLACE | {"deviceTime": ISO, "fixTime": ISO, "valid": True, "speed": 10}
    for many in (1, 20):
        text = "\n".join([json.dumps({"position": position, "device": {"uniqueId": "a"}})] * many)
        assert read_any(text).rows[0][SPEED] == pytest.approx(10 * 1852 / 3600)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"Time": "2024/05/01 10:00:00 UTC",
                     "Latitude, Longitude": "60.1 ± 12.5 meters, 24.9 ± 12.5 meters"}]),
        json.dumps([PLACE | {"timestamp": 30, "timestampExternal": AT * 1000}]),
        f"Update UTC,lat,lon\n{ISO},60.1,24.9\n",
    ],
)  # fmt: skip
def test_names_and_marks_of_more_exports(text):
    assert only_row(text)[1:4] == MOMENTS[0]


TO_2001 = 978_307_200
HELD = {
    "ZLATITUDE": 60.1, "ZLONGITUDE": 24.9, "ZALTITUDE": 20.0, "ZHORIZONTALACCURACY": 8.0,
    "ZSPEED": 5.0, "ZCOURSE": 90.0,
}  # fmt: skip


@given(st.integers(126_230_400, 820_000_000), st.sampled_from(["ZTIMESTAMP", "ZDATE"]),
       st.integers(1, 12))  # fmt: skip
def test_tables_of_core_data_count_since_2001(seconds, name, rows):
    records = [HELD | {name: seconds + 0.25 + row} for row in range(rows)]
    lines = [",".join(map(str, record.values())) for record in records]
    table = "\n".join([",".join(records[0]), *lines])
    want = [
        (round((seconds + TO_2001 + row + 0.25) * 1e6), 24.9, 60.1, 20, 8, 5, 90)
        for row in range(rows)
    ]
    assert [row[1:] for row in read_any(json.dumps(records)).rows] == want
    assert [row[1:] for row in read_any(table, name="ZRTCLLOCATIONMO.csv").rows] == want


@given(st.integers(631_152_000, 820_000_000), st.sampled_from(["", ".25"]))
def test_seconds_since_1970_before_2000_are_since_2001(seconds, part):
    """A phone's positions of 2024 were stored in 1993."""
    want = round((seconds + TO_2001 + float(part or 0)) * 1e6)
    record = f'{{"lat": 60.1, "lon": 24.9, "timestamp": {seconds}{part}}}'
    assert only_row(f"[{record}]")[TIME] == want
    assert only_row(f"lat,lon,timestamp\n60.1,24.9,{seconds}{part}\n")[TIME] == want


@given(st.integers(946_684_800, 1_790_000_000), st.sampled_from(["timestamp", "ZTIMESTAMP"]))
def test_seconds_since_1970_after_2000_stay(seconds, name):
    record = {"lat": 60.1, "lon": 24.9, name: seconds}
    assert only_row(json.dumps([record]))[TIME] == seconds * 1_000_000
    assert only_row(f"lat,lon,{name}\n60.1,24.9,{seconds}\n")[TIME] == seconds * 1_000_000


def test_at_the_doors_seconds_of_a_sender_that_counts_since_1970_stay():
    assert moment_us("736250400.25", None) == AT * 1_000_000 + 250_000
    assert moment_us("736250400", TimeForm.EPOCH_S) == 736_250_400_000_000
    assert moment_us(str(AT), None) == AT * 1_000_000


def test_words_in_capitals_with_a_z_are_no_columns_of_core_data():
    assert only_row(f"ZEITSTEMPEL,LAT,LON\n{ISO},60.1,24.9\n")[TIME] == AT * 1_000_000


def test_a_forwarded_position_is_of_the_device_that_its_sender_names():
    """It was one of the number that the device has in Traccar's database."""
    position = {"id": 1, "deviceId": 3, "fixTime": ISO, "latitude": 60.1, "longitude": 24.9}
    device = {"id": 3, "name": "Van", "uniqueId": "8601", "lastUpdate": LATER}
    line = json.dumps({"position": position, "device": device})
    found = read_any(f"{line}\n{line.replace(ISO, LATER)}\n")
    assert [row[:2] for row in found.rows] == [("8601", us * 1_000_000) for us in (AT, AT + 10)]


PLACES = [(60.1, 24.9), (60.2, 24.8)]
DESCRIPTORS = [
    {"metricsIndex": index, "key": f"direct{name}", "unit": {"key": "gmt", "factor": 0.0}}
    for index, name in ((1, "Latitude"), (0, "Timestamp"), (3, "Speed"), (2, "Longitude"))
]
METRICS = [{"metrics": [(AT + 10 * i) * 1000.0, *place, 5.0]} for i, place in enumerate(PLACES)]


def test_details_of_an_activity_of_garmin():
    details = {"metricDescriptors": DESCRIPTORS, "activityDetailMetrics": METRICS}
    found = read_any(json.dumps(details))
    assert [row[1:4] for row in found.rows] == MOMENTS
    assert {row[SPEED] for row in found.rows} == {5}


def test_aircraft():
    trace = [[10 * i, *place, "ground" if i else 1000, 100, 90] for i, place in enumerate(PLACES)]
    found = read_any(json.dumps({"icao": "4601f6", "timestamp": AT, "trace": trace}))
    assert [row[:4] for row in found.rows] == [("4601f6", *moment) for moment in MOMENTS]
    assert [row[ALTITUDE] for row in found.rows] == [pytest.approx(304.8), None]
    assert found.rows[0][SPEED] == pytest.approx(100 * 1852 / 3600)
    seen = {"lat": 60.1, "lon": 24.9, "seen_pos": 1.5, "alt_baro": "ground", "gs": 10}
    now = {"now": AT + 1.5, "aircraft": [{"hex": "a", **seen}, {"hex": "b"}, {"hex": "c", **seen}]}
    assert [row[:4] for row in read_any(json.dumps(now)).rows] == [
        (name, *MOMENTS[0]) for name in "ac"
    ]


def test_cells_that_are_filled_up_with_nul():
    table = (
        "INDEX,TAG,DATE,TIME,LATITUDE N/S,LONGITUDE E/W,HEIGHT,SPEED,HEADING,VOX\n"
        "1\0\0\0,T,240501,100000,60.100000N,024.900000E,20\0\0,36\0,90\0,\0\0\n"
        "2\0\0\0,T,240501,100010,60.200000N,024.800000E,20\0\0,36\0,90\0,\0\0\n"
    )
    found = read_any(table, name="24050110.CSV")
    assert (found.error, found.reasons) == ("", [])
    assert [row[1:4] for row in found.rows] == MOMENTS
    assert [(row[ALTITUDE], row[SPEED]) for row in found.rows] == [(20, pytest.approx(10))] * 2


def test_fixes_of_gnss_logger_stand_below_a_comment_that_names_them():
    table = (
        "# Raw,utcTimeMillis,TimeNanos\n#\n# Fix,Provider,LatitudeDegrees,LongitudeDegrees,"
        "AltitudeMeters,SpeedMps,AccuracyMeters,BearingDegrees,UnixTimeMillis\n"
        f"Fix,GPS,60.1,24.9,20,5,8,90,{AT}000\nRaw,{AT}000,7\n"
        f"Fix,GPS,60.2,24.8,20,5,8,90,{AT + 10}000\n"
    )
    found = read_any(table, name="gnss_log.txt")
    assert (found.error, found.reasons) == ("", ["ragged_row"])
    assert [row[1:] for row in found.rows] == [(*moment, 20, 8, 5, 90) for moment in MOMENTS]


def test_moving_features():
    moving = {"type": "MovingPoint", "datetimes": [ISO, LATER],
              "coordinates": [[lon, lat] for lat, lon in PLACES]}  # fmt: skip
    feature = {"type": "Feature", "temporalGeometry": moving, "properties": {"name": "van"}}
    assert [row[1:4] for row in read_any(json.dumps(feature)).rows] == MOMENTS
    collection = {"type": "FeatureCollection", "features": [feature]}
    assert [row[1:4] for row in read_any(json.dumps(collection)).rows] == MOMENTS
