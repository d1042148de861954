"""Files as other programs, languages and machines write them, and the values they mean."""

import datetime as dt
import io
import json
import struct

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.values.moments import DateOrder, parse_time
from trackflow_tests.helpers.reading import (
    READERS,
    gather,
    only_row,
    read_any,
    read_bytes,
    stream_of,
)

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO = "2024-05-01T10:00:00Z"
LATER = "2024-05-01T10:00:10Z"
ALTITUDE, ACCURACY, SPEED, COURSE = 4, 5, 6, 7


PLACES = {"lat": [60.1, 60.2], "lon": [24.9, 24.8]}
MOMENTS = [(AT * 1_000_000, 24.9, 60.1), ((AT + 10) * 1_000_000, 24.8, 60.2)]


def parquet(columns: dict[str, object]):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return read_any(out.getvalue())


def table_of_text(columns: dict[str, list[object]]):
    rows = [columns, *zip(*columns.values(), strict=True)]
    return read_any("".join(",".join(map(str, row)) + "\n" for row in rows))


def sheet(columns: dict[str, list[object]]):
    book = openpyxl.Workbook()
    for row in [list(columns), *zip(*columns.values(), strict=True)]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return read_bytes(out.getvalue(), "excel")


def records(columns: dict[str, list[object]]):
    rows = zip(*columns.values(), strict=True)
    return read_any(json.dumps([dict(zip(columns, row, strict=True)) for row in rows]))


HEADERS = [
    "Datum;Tijd;Breedtegraad;Lengtegraad;Snelheid (km/u)",
    "Data;Hora;Latitude;Longitude;Velocidade (km/h)",
    "Data;Czas;Szerokość geograficzna;Długość geograficzna;Prędkość (km/h)",
    "Dato;Klokkeslett;Breddegrad;Længdegrad;Hastighed (km/t)",
    "Dato;Klokkeslett;Breddegrad;Lengdegrad;Fart (km/t)",
    "Datum;Klockslag;Latitud;Longitud;Hastighet (km/tim)",
    "Datum;Čas;Zeměpisná šířka;Zeměpisná délka;Rychlost (km/h)",
    "Дата;Время;Широта;Долгота;Скорость (км/ч)",
    "Tarih;Saat;Enlem;Boylam;Hiz (km/h)",
    "日期;时间;纬度;经度;速度 (km/h)",
]


@pytest.mark.parametrize("header", HEADERS)
def test_columns_in_other_languages(header):
    row = only_row(f"{header}\n2024-05-01;10:00:00;60,1;24,9;36\n")
    assert row[1:4] == (AT * 1_000_000, 24.9, 60.1)
    assert row[SPEED] == pytest.approx(10)


TIMES = [
    "Wed May  1 10:00:00 2024",
    "Wed May 01 13:00:00 GMT+03:00 2024",
    "Wed May 01 2024 13:00:00 GMT+0300 (Eastern European Summer Time)",
    "mercredi 1 mai 2024 à 10:00",
    "1er mai 2024 10h00",
    "1 de mayo de 2024 10:00:00",
    "1 de maio de 2024, 10:00",
    "1 maggio 2024 10:00",
    "ke 1. toukokuuta 2024 klo 10.00",
    "1 mei 2024 10:00:00",
    "5/1/2024, 10:00:00\u202fAM",
    f"{AT},0",
]


@pytest.mark.parametrize("text", TIMES)
def test_moments_of_other_languages_and_programs(text):
    assert parse_time(text, order=DateOrder.MONTH_FIRST) == AT * 1_000_000


@given(st.integers(631_152_000, 4_102_444_799), st.integers(0, 999))
def test_a_count_with_a_decimal_comma_is_one_with_a_point(seconds, millis):
    comma, point = (parse_time(f"{seconds}{mark}{millis:03}") for mark in ",.")
    assert comma == point is not None


TABLE = f"time;lat;lon\n{ISO};60,1;24,9\n{LATER};60,2;24,8\n"


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode("utf-16-le"), TABLE.encode("utf-16-be"),
        ("\ufeff" + TABLE).encode("utf-16-be"),
        TABLE.replace("\n", "\r").encode(), TABLE.replace("\n", "\r\n").encode("utf-16-le"),
        TABLE.replace(ISO, f'="{ISO}"').replace("60,1", '="60,1"').encode(),
        TABLE.replace(ISO, f"'{ISO}'").replace("60,1", "'60,1'").encode(),
        json.dumps([{"time": ISO, "lat": 60.1, "lon": 24.9},
                    {"time": LATER, "lat": 60.2, "lon": 24.8}]).encode("utf-16-le"),
    ],
)  # fmt: skip
def test_encodings_and_line_ends_change_nothing(data):
    found = read_any(data)
    assert found.refused == []
    assert [row[1:4] for row in found.rows] == [
        (AT * 1_000_000, 24.9, 60.1),
        ((AT + 10) * 1_000_000, 24.8, 60.2),
    ]


@pytest.mark.parametrize("block_bytes", [16, 40, 1_000])
def test_text_that_spreadsheets_keep_is_read_whatever_block_it_is_in(block_bytes):
    rows = "".join(f'="{AT + i}",="60.{i}",24.9\n' for i in range(9))
    data = f"time,lat,lon\n{AT - 1},60.5,24.9\n{rows}".encode()
    chunks = READERS["csv"](
        stream_of(data), device_id="d", fallback_device="d", now_us=1_800_000_000_000_000,
        block_bytes=block_bytes,
    )  # fmt: skip
    found = gather(chunks)
    assert (len(found.points), found.refused) == (10, [])


WKB = struct.pack("<BIdd", 1, 1, 24.9, 60.1).hex()
EWKB = struct.pack("<BIIdd", 1, 1 | 0x20000000, 4326, 24.9, 60.1).hex().upper()


@pytest.mark.parametrize(
    "data",
    [
        f"time,geom\n{ISO},{WKB}\n",
        f"time,geom\n{ISO},{EWKB}\n",
        f"time,lat,ns,lon,ew\n{ISO},6006.000,N,02454.000,E\n",
        f"time,lat,lon\n{ISO},6006.000N,02454.000E\n",
        json.dumps([{"time": ISO, "lat": "6006.00", "ns": "N", "lon": "02454.00", "ew": "E"}]),
        json.dumps({"result": [{"time": ISO, "lat": 60.1, "lon": 24.9}]}),
        json.dumps({"VP": {"tst": ISO, "lat": 60.1, "long": 24.9, "hdg": 1}}),
        json.dumps({"a": {"b": [{"c": {"time": ISO, "lat": 60.1, "lon": 24.9}}]}}),
        json.dumps({"from": 1, "payload": {"latitude_i": 601_000_000, "longitude_i": 249_000_000,
                                           "time": AT}}),
        json.dumps({"DeviceLog": {"Samples": [{"TimeISO8601": ISO, "Latitude": 1.0489428804,
                                               "Longitude": 0.4345869838}]}}),
        json.dumps({"exercises": [{"timezoneOffset": 180, "samples": {"recordedRoute": [
            {"dateTime": "2024-05-01T13:00:00.000", "longitude": 24.9, "latitude": 60.1}]}}]}),
    ],
)  # fmt: skip
def test_positions_in_other_forms(data):
    row = only_row(data)
    assert row[1] == AT * 1_000_000
    assert row[2:4] == (pytest.approx(24.9), pytest.approx(60.1))


def test_degrees_and_minutes_near_the_equator_and_greenwich():
    row = only_row(f"time,lat,ns,lon,ew\n{ISO},0006.000,S,00054.000,W\n")
    assert row[2:4] == (pytest.approx(-0.9), pytest.approx(-0.1))


def test_a_projected_geometry_is_no_position():
    projected = struct.pack("<BIIdd", 1, 1 | 0x20000000, 3857, 24.9, 60.1).hex()
    assert read_any(f"time,geom\n{ISO},{projected}\n").reasons == ["not_a_number"]


FLIGHT = f'Timestamp,UTC,Callsign,Position,Altitude,Speed,Direction\n{AT},{ISO},FIN1,"60.1,24.9",'
VALUES = [
    (f"{FLIGHT}35000,450,271\n", {ALTITUDE: 10_668.0, SPEED: 231.5, COURSE: 271.0}),
    (f"time,lat,lon,speed,speed_unit\n{ISO},60.1,24.9,36,km/h\n", {SPEED: 10.0}),
    (f"time,lat,lon,speed,speed_unit\n{ISO},60.1,24.9,10,kn\n", {SPEED: 5.14444}),
    (f"time,lat,lon,speed,speed_unit\n{ISO},60.1,24.9,10,warp\n", {SPEED: None}),
    (json.dumps([{"time": ISO, "lat": 60.1, "lon": 24.9, "speed": 36, "speedUnit": "km/h"}]),
     {SPEED: 10.0}),
    (f"MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading\n7,{ISO},60.1,24.9,10,271,511\n",
     {SPEED: 5.14444, COURSE: 271.0}),
    (f"timestamp,location-long,location-lat,height-above-msl\n{ISO},24.9,60.1,21\n",
     {ALTITUDE: 21.0}),
    (json.dumps({"entity": [{"vehicle": {"position": {
        "latitude": 60.1, "longitude": 24.9, "bearing": 271, "speed": 10}, "timestamp": str(AT),
        "vehicle": {"id": "bus7"}}}]}), {SPEED: 10.0, COURSE: 271.0, 0: "bus7"}),
    (json.dumps({"result": [{"ident": "352", "timestamp": AT, "position.latitude": 60.1,
                             "position.longitude": 24.9, "position.speed": 36}]}),
     {SPEED: 10.0, 0: "352"}),
    (json.dumps({"deviceId": "x", "payload": [
        {"name": "location", "time": AT * 10**9, "values": {
            "latitude": 60.1, "longitude": 24.9, "speed": 3, "horizontalAccuracy": 8}},
        {"name": "gravity", "time": AT * 10**9, "values": {"x": 1}}]}),
     {SPEED: 3.0, ACCURACY: 8.0, 0: "x"}),
    (json.dumps([{"timestamp": AT, "latitude": 60.1, "longitude": 24.9, "accuracy_h": 8}]),
     {ACCURACY: 8.0}),
    (json.dumps([{"tst": AT, "lat": 60.1, "lon": 24.9, "vel": 3.5, "bear": 271}]),
     {SPEED: 3.5, COURSE: 271.0}),
    (json.dumps({"count": 1, "data": [{"_type": "location", "tst": AT, "lat": 60.1, "lon": 24.9,
                                       "username": "jane", "device": "phone"}]}),
     {0: "jane/phone"}),
    (f"""loggingTime(txt),locationTimestamp_since1970(s),locationLatitude(WGS84),\
locationLongitude(WGS84),locationSpeed(m/s),locationHorizontalAccuracy(m)
2024-05-01 13:00:00 +0300,{AT}.0,60.1,24.9,3,8
""", {SPEED: 3.0, ACCURACY: 8.0}),
    (json.dumps({"time": ISO, "deviceInfo": {"deviceName": "cow 7"}, "object": {
        "latitude": 60.1, "longitude": 24.9}, "rxInfo": [{"location": {
            "latitude": 60.5, "longitude": 24.5}}]}), {0: "cow 7"}),
    (json.dumps({"_id": {"$oid": "66"}, "device": "van", "speed_kmh": {"$numberDouble": "36"},
                 "loc": {"type": "Point", "coordinates": [24.9, 60.1]},
                 "ts": {"$date": {"$numberLong": f"{AT}000"}}}), {0: "van", SPEED: 10.0}),
    (json.dumps([{"device": "van", "loc": "60.1,24.9", "updated_at": ISO}]), {0: "van"}),
]  # fmt: skip


@pytest.mark.parametrize(("data", "values"), VALUES)
def test_what_programs_say_beside_a_position(data, values):
    row = only_row(data)
    assert row[1:4] == (AT * 1_000_000, 24.9, 60.1)
    for column, value in values.items():
        assert row[column] == (pytest.approx(value) if isinstance(value, float) else value)


def test_times_of_fit_in_a_table_count_from_1989():
    header = (
        "record.timestamp[s],record.position_lat[semicircles],record.position_long[semicircles]"
    )
    row = only_row(f"{header}\n{AT - 631_065_600},717020929,297068571\n")
    assert row[1] == AT * 1_000_000
    assert row[2:4] == (pytest.approx(24.9), pytest.approx(60.1))


def gpx(creator: str, inside: str) -> str:
    point = f'<trkpt lat="60.1" lon="24.9"><time>{ISO}</time>{inside}</trkpt>'
    return f'<gpx creator="{creator}"><trk><trkseg>{point}</trkseg></trk></gpx>'


@pytest.mark.parametrize(
    ("creator", "value"), [("OsmAnd Maps 4.7.10", 8.0), ("OsmAnd~ 3.9", 8.0), ("GPSBabel", 40.0)]
)
def test_osmand_writes_metres_as_hdop_in_files_as_at_the_door(creator, value):
    assert only_row(gpx(creator, "<hdop>8</hdop>"))[ACCURACY] == pytest.approx(value)


def test_a_point_that_says_that_it_has_no_fix_is_none():
    assert read_any(gpx("x", "<fix>none</fix>")).reasons == ["no_position"]
    assert only_row(gpx("x", "<fix>3d</fix>"))[2:4] == (24.9, 60.1)


def test_the_heading_that_google_earth_lists_beside_a_track():
    data = (
        f"<kml><Placemark><gx:Track><when>{ISO}</when><when>{LATER}</when>"
        "<gx:coord>24.9 60.1 3</gx:coord><gx:coord>24.8 60.2 3</gx:coord>"
        "<gx:angles>271 0 0</gx:angles><gx:angles>90.5 0 0</gx:angles>"
        "</gx:Track></Placemark></kml>"
    )
    assert [row[COURSE] for row in read_any(data).rows] == [271.0, 90.5]


def test_sentences_with_the_count_of_androids_logger():
    sentence = "$GNRMC,100000.00,A,6006.00000,N,02454.00000,E,10.0,271.0,010524,,,A*71"
    row = only_row(f"NMEA,{sentence},1714557600123\n")
    assert row[1] == AT * 1_000_000
    assert row[2:4] == (pytest.approx(24.9), pytest.approx(60.1))


@pytest.mark.parametrize("reads", [table_of_text, sheet, records])
def test_days_of_spreadsheets_are_moments(reads):
    found = reads({"time": [45413.416666666664, 45413.41678240741], **PLACES})
    assert [row[1:4] for row in found.rows] == MOMENTS
    assert found.naive == 2


def test_seconds_of_a_recording_stay_without_a_day():
    found = read_any(
        "time,lat,lon\n" + "".join(f"{i},60.1,24.9\n" for i in range(40_000, 40_010, 7))
    )
    assert found.naive == 2
    found = read_any("time,lat,lon\n" + "".join(f"{i},60.1,24.9\n" for i in range(0, 40_000, 900)))
    assert "unknown start" in found.error


DAY, UTC = dt.datetime(2024, 5, 1, 10), "UTC"  # noqa: DTZ001  as a table has it
CLOCKS = [DAY, DAY + dt.timedelta(seconds=10)]
PARQUETS = [
    {"time": pa.array(CLOCKS, pa.timestamp("ms", UTC)),
     "location": pa.array([{"lat": 60.1, "lon": 24.9}, {"lat": 60.2, "lon": 24.8}])},
    {"date": pa.array([DAY.date()] * 2), "time": pa.array([36_000, 36_010], pa.time32("s")),
     **PLACES},
    {"time": pa.array([c + dt.timedelta(hours=3) for c in CLOCKS], pa.timestamp("us")),
     "timezone": ["Europe/Helsinki"] * 2, **PLACES},
    {"time": [ISO, LATER], "lat": ["60,1", "60,2"], "lon": ["24,9", "24,8"]},
    {"time": [ISO, LATER], "position": ["60.1, 24.9", "60.2, 24.8"]},
    {"time": [ISO, LATER], "lat": [60.1, 60.2], "ns": ["N", "N"], "lon": [24.9, 24.8],
     "ew": ["E", "E"]},
    {"time": [ISO, LATER, LATER], "lat": [60.1, 60.2, 1.0], "lon": [24.9, 24.8, 1.0],
     "valid": [True, True, False]},
]  # fmt: skip


@pytest.mark.parametrize("columns", PARQUETS, ids=lambda columns: "-".join(columns))
def test_a_parquet_is_read_as_a_text_table_where_it_is_written_so(columns):
    found = parquet(columns)
    assert found.error == ""
    assert [row[1:4] for row in found.rows] == MOMENTS


def test_the_unit_in_a_column_of_a_parquet():
    found = parquet({"time": [ISO, LATER], **PLACES, "speed": [36.0, 10.0],
                     "speed_unit": ["km/h", "kn"]})  # fmt: skip
    assert [row[SPEED] for row in found.rows] == pytest.approx([10, 5.14444])
