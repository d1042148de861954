"""Inputs of exporters, fleets and code pages of the world, and the values they mean."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.heads import code_page_of
from trackflow.sources.options import ReadOptions
from trackflow.sources.values.moments import parse_time
from trackflow.sources.values.units import Quantity, measure
from trackflow.sources.values.zones import zone_in_name, zone_option
from trackflow_tests.helpers.any_values import reasons, rows
from trackflow_tests.helpers.reading import NOW_US, only_row, read_any

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO = "2024-05-01T10:00:00Z"
LATER = "2024-05-01T10:00:10Z"
DEVICE, ALTITUDE, ACCURACY, SPEED, COURSE = 0, 4, 5, 6, 7
MOMENTS = [(AT * 1_000_000, 24.9, 60.1), ((AT + 10) * 1_000_000, 24.8, 60.2)]


def feature(geometry: dict[str, object], properties: object, **members: object) -> str:
    return json.dumps(
        {"type": "Feature", "geometry": geometry, "properties": properties, **members}
    )


POINT = {"type": "Point", "coordinates": [24.9, 60.1]}
LINE = {"type": "LineString", "coordinates": [[24.9, 60.1], [24.8, 60.2]]}
PLACES = {"lat": 60.1, "lon": 24.9}
NEEDLE = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW",
          "NW", "NNW"]  # fmt: skip
WORDS = [("North-West", 315.0), ("south east", 135.0), ("Südost", 135.0), ("nord-ouest", 315.0),
         ("Noroeste", 315.0), ("noordoost", 45.0), ("SO", None), ("NO", None),
         ("up", None)]  # fmt: skip


@given(st.integers(0, 15), st.sampled_from(["{}", " {} ", "{}."]), st.booleans())
def test_a_direction_in_letters_is_its_angle(at: int, form: str, lower: bool) -> None:
    text = form.format(NEEDLE[at].lower() if lower else NEEDLE[at])
    assert measure(text, Quantity.ANGLE) == at * 22.5


@pytest.mark.parametrize(("word", "degrees"), WORDS)
def test_directions_in_words_in_files_and_at_the_door(word: str, degrees: float | None) -> None:
    table = f"time;lat;lon;heading\n{ISO};60.1;24.9;{word}\n"
    listed = json.dumps([{"time": ISO, **PLACES, "heading": word}])
    assert only_row(table)[COURSE] == only_row(listed)[COURSE] == degrees
    query = {"id": "x", "lat": "60.1", "lon": "24.9", "timestamp": str(AT), "bearing": word}
    (row,) = rows(traccar.read(b"", Envelope("traccar", query=query), NOW_US, NOW_US))
    assert row[COURSE] == degrees


HEADERS = [
    ("cp1250", "Data i czas;Szerokość geograficzna;Długość geograficzna;Prędkość (km/h);Pojazd"),
    ("cp1250", "Datum a čas;Zeměpisná šířka;Zeměpisná délka;Rychlost (km/h);Vozidlo"),
    ("cp1251", "Дата и время;Широта;Долгота;Скорость, км/ч;Автомобиль"),
    ("cp866", "Дата и время;Широта;Долгота;Скорость, км/ч;Автомобиль"),
    ("cp1252", "Datum;Breite;Länge;Geschwindigkeit (km/h);Gerät"),
    ("gb18030", "时间;纬度;经度;速度 (km/h);设备"),
    ("shift-jis", "日時;緯度;経度;速度 (km/h);device"),
    ("utf-8", "时间;纬度;经度;速度 (km/h);设备"),
]


@pytest.mark.parametrize(("page", "header"), HEADERS)
def test_tables_in_the_code_pages_of_their_countries(page: str, header: str) -> None:
    name = header.rpartition(";")[2]
    row = only_row(f"{header}\n2024-05-01 10:00:00;60,1;24,9;36;{name} 7\n".encode(page))
    assert row[:4] == (f"{name} 7", AT * 1_000_000, 24.9, 60.1)
    assert row[SPEED] == pytest.approx(10)


def test_code_pages_are_tried_once_and_where_a_table_is_no_utf8() -> None:
    for page, times in (("utf-8", 0), ("cp1251", 1)):
        code_page_of.cache_clear()
        table = f"Дата и время;Широта;Долгота\n{ISO};60,1;24,9\n"
        assert only_row(table.encode(page))[2:4] == (24.9, 60.1)
        assert code_page_of.cache_info().misses == times


def test_bytes_of_no_text_are_asked_for_no_code_page() -> None:
    """Reading each line of a large map eleven times took a quarter of a second a file."""
    header = "Дата и время;Широта;Долгота".encode("cp1251")
    assert code_page_of(header) == "cp1251"
    assert code_page_of(b"\x08" + header) == "cp1252"


def test_quotation_marks_of_windows_in_degrees_with_minutes() -> None:
    data = f"time;lat;lon\n{ISO};60°06\u201900.0”N;24°54\u201900.0”E\n".encode("cp1252")
    assert only_row(data)[2:4] == (24.9, 60.1)


ZONES = [("Time (UTC+3)", 13), ("Zeit [MESZ]", 12), ("Timestamp (Europe/Helsinki)", 13),
         ("Date Time (GMT+03:00)", 13), ("time_utc", 10), ("Zeit (UTC)", 10), ("Time UTC-4", 6),
         ("GPS Time EDT", 6)]  # fmt: skip


@pytest.mark.parametrize(("name", "hour"), ZONES)
def test_a_zone_in_the_name_of_a_column_is_that_of_its_times(name: str, hour: int) -> None:
    elsewhere = ReadOptions(zone=zone_option("Asia/Tokyo"))
    moment = f"2024-05-01 {hour:02}:00:00"
    out = io.BytesIO()
    pq.write_table(pa.table({name: [moment], "lat": [60.1], "lon": [24.9]}), out)
    for data in (f"{name},lat,lon\n{moment},60.1,24.9\n", json.dumps([{name: moment, **PLACES}]),
                 out.getvalue()):  # fmt: skip
        found = read_any(data, options=elsewhere)
        assert [row[1] for row in found.rows] == [AT * 1_000_000]
        assert found.naive == 0


@given(st.text(max_size=60))
def test_any_name_has_a_zone_that_is_one_or_none(name: str) -> None:
    bare, zone = zone_in_name(name)
    assert bare in name
    assert not zone or zone_option(zone) is not None


def test_a_clock_that_is_a_date_too_is_the_time() -> None:
    assert only_row("Heure;Latitude;Longitude\n2024-05-01 10:00:00;60,1;24,9\n")[1] == AT * 10**6


TIMES = ["1. Mai 2024, 10:00:00 Uhr", "1 maja 2024 10:00:00", "1 мая 2024 10:00:00",
         "1. května 2024 10:00", "2024年5月1日 10:00:00", "2024年5月1日 10时00分00秒",
         "45413,4166666667", "2024-05-01t10:00:00z", "2024-05-01 10:00:00:000",
         "2024-05-01 13:00:00 +0300 EEST", "2024-05-01 10:00:00 +0000 UTC",
         "2024-05-01 13:00:00.000 +0300 +03 m=+0.01", "/Date(1714557600000)/",
         "/Date(1714557600000+0300)/", "01-MAY-24 10.00.00.000000 AM", "01MAY2024:10:00:00",
         "Mi., 01.05.2024 10:00:00", "Wed 2024-05-01 10:00"]  # fmt: skip


@pytest.mark.parametrize("text", TIMES)
def test_moments_of_more_languages(text: str) -> None:
    assert parse_time(text) == AT * 1_000_000


ARRAYS = {"coordTimes": [ISO, LATER], "coordinateProperties": {"speeds": [10, "36 km/h"]}}
BY_COLUMN = {"time": [ISO, LATER], "lat": [60.1, 60.2], "lon": [24.9, 24.8]}
SPANS = [
    (f"<kml><Placemark><TimeSpan><begin>{ISO}</begin><end>{LATER}</end></TimeSpan><LineString>"
    "<coordinates>24.9,60.1 24.8,60.2</coordinates></LineString></Placemark></kml>"),
    ("<kml><Placemark><LineString><coordinates>24.9,60.1 24.8,60.2</coordinates></LineString>"
    f"<TimeSpan><begin>{ISO}</begin><end>{LATER}</end></TimeSpan></Placemark></kml>"),
    feature(LINE, {"start_time": ISO, "end_time": LATER}),
    feature(LINE, {"startTime": AT * 1000, "endTime": AT * 1000 + 10_000}),
    feature(LINE, ARRAYS),
    json.dumps(BY_COLUMN),
    json.dumps({name: dict(enumerate(values)) for name, values in BY_COLUMN.items()}),
    json.dumps({ISO: PLACES, LATER: {"lat": 60.2, "lon": 24.8}}),
    json.dumps({"track": {str(AT): PLACES, str(AT + 10): {"lat": 60.2, "lon": 24.8}}}),
]  # fmt: skip


@pytest.mark.parametrize("data", SPANS)
def test_paths_with_a_span_and_tables_by_column(data: str) -> None:
    found = read_any(data)
    assert (found.error, found.reasons) == ("", [])
    assert [row[1:4] for row in found.rows] == MOMENTS


@pytest.mark.parametrize("kind", ["kml", "geojson"])
@given(st.integers(1, 30))
def test_between_the_ends_of_a_span_no_time_is_made_up(kind: str, between: int) -> None:
    places = [(24.9, 60.1), *[(24.85, 60.15)] * between, (24.8, 60.2)]
    if kind == "kml":
        data = SPANS[0].replace(" 24.8", " 24.85,60.15" * between + " 24.8")
    else:
        line = {"type": "LineString", "coordinates": places}
        data = feature(line, {"start_time": ISO, "end_time": LATER})
    found = read_any(data)
    assert [row[1:4] for row in found.rows] == MOMENTS
    assert found.reasons == ["no_time"]
    assert str(between) in found.refused[0].raw


def test_speeds_that_are_listed_for_a_line() -> None:
    assert [row[SPEED] for row in read_any(feature(LINE, ARRAYS)).rows] == [10.0, 10.0]


POSITIONS = [
    feature(POINT, None, timestamp=ISO),
    feature(POINT, {}, when={"start": ISO, "end": LATER}),
    json.dumps([{"time": ISO, "latlng": [60.1, 24.9]}]),
    json.dumps([{"time": ISO, "gps": ["60.1", "24.9"]}]),
    f'time,location\n{ISO},"{{""type"":""Point"",""coordinates"":[24.9,60.1]}}"\n',
    f'time,location\n{ISO},"{{""latitude"":60.1,""longitude"":24.9}}"\n',
    f"time,lat(N),lon(E)\n{ISO},60.1,24.9\n",
    f'Session title,"X"\nCreated,{ISO}\n\ntime,lat,lon\n{ISO},60.1,24.9\n',
    f"# time,kind,lat,lon\n{ISO},x,60.1,24.9\n",
    "time,timezone_offset_minutes,lat,lon\n2024-05-01 13:00:00,180,60.1,24.9\n",
    f'owntracks/jane/phone {{"_type":"location","tst":{AT},"lat":60.1,"lon":24.9}}\n',
    f'{ISO} owntracks/jane/phone {{"_type":"location","tst":{AT},"lat":60.1,"lon":24.9}}\n',
]


@pytest.mark.parametrize("data", POSITIONS)
def test_positions_that_stand_in_other_places(data: str) -> None:
    row = only_row(data)
    assert row[1:4] == (AT * 1_000_000, 24.9, 60.1)
    if "owntracks" in data:
        assert row[DEVICE] == "jane/phone"


VALUES = [
    ({"accuracy": "±5 m"}, ACCURACY, 5.0),
    ({"accuracy": "~5m"}, ACCURACY, 5.0),
    ({"velocity_smooth": 10}, SPEED, 10.0),
    ({"altitude_above_seaLevel(feet)": 100}, ALTITUDE, 30.48),
]


@pytest.mark.parametrize(("members", "column", "value"), VALUES)
def test_values_beside_a_position(members: dict[str, object], column: int, value: float) -> None:
    table = {"time": ISO, **PLACES, **members}
    data = ";".join(table) + "\n" + ";".join(map(str, table.values())) + "\n"
    assert only_row(json.dumps([table]))[column] == pytest.approx(value)
    assert only_row(data)[column] == pytest.approx(value)


def test_angles_of_suunto_are_in_radians() -> None:
    sample = {"Latitude": 1.0489428804, "Longitude": 0.4345869838, "UTC": ISO, "GPSAltitude": 12,
              "GPSHeading": 3.14159265, "EHPE": 5}  # fmt: skip
    listed = {"Attributes": {"suunto/sml": {"Sample": sample}}, "TimeISO8601": ISO}
    row = only_row(json.dumps({"DeviceLog": {"Samples": [listed]}}))
    assert row[2:4] == (pytest.approx(24.9), pytest.approx(60.1))
    assert row[ALTITUDE:] == (12.0, 5.0, None, pytest.approx(180.0))


def test_attributes_of_an_extension_in_gpx() -> None:
    inside = f'<time>{ISO}</time><extensions><geotracker:meta c="271.0" s="10.0"/></extensions>'
    row = only_row(
        f'<gpx><trk><trkseg><trkpt lat="60.1" lon="24.9">{inside}</trkpt></trkseg></trk></gpx>'
    )
    assert row[SPEED:] == (10.0, 271.0)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), "dictionary"])
def test_text_of_parquet_in_all_its_ways(kind: object) -> None:
    names = pa.array(["van"])
    text = pa.array(["60,1"])
    moments = pa.array([ISO])
    if kind == "dictionary":
        columns = [each.dictionary_encode() for each in (names, text, moments)]
    else:
        columns = [each.cast(kind) for each in (names, text, moments)]
    out = io.BytesIO()
    made = dict(zip(("device", "lat", "time"), columns, strict=True)) | {"lon": [24.9]}
    pq.write_table(pa.table(made), out)
    assert only_row(out.getvalue())[:4] == ("van", AT * 1_000_000, 24.9, 60.1)


@pytest.mark.parametrize("kind", [pa.int32(), pa.int64()])
def test_whole_numbers_of_parquet_are_parts_of_degrees(kind: pa.DataType) -> None:
    out = io.BytesIO()
    lat, lon = pa.array([601_000_000], kind), pa.array([249_000_000], kind)
    pq.write_table(pa.table({"time": [ISO], "lat": lat, "lon": lon}), out)
    assert only_row(out.getvalue())[1:4] == (AT * 1_000_000, 24.9, 60.1)


def test_outliers_of_movebank_are_no_positions_and_hidden_marks_are() -> None:
    header = "event-id,visible,timestamp,location-long,location-lat,individual-local-identifier"
    data = f"{header}\n1,true,{ISO},24.9,60.1,Stork\n2,false,{LATER},20.0,50.0,Stork\n"
    found = read_any(data)
    assert [row[:4] for row in found.rows] == [("Stork", AT * 1_000_000, 24.9, 60.1)]
    assert found.reasons == ["no_position"]
    assert only_row(feature(POINT, {"time": ISO, "visible": False}))[2:4] == (24.9, 60.1)


@pytest.mark.parametrize("word", ["false", "F", "0", "V", "no fix", "nein", "falsch"])
def test_what_a_tracker_calls_invalid_is_refused_by_every_reader_and_door(word: str) -> None:
    known = {"time": ISO, "lat": "60.1", "lon": "24.9", "valid": word}
    table = ";".join(known) + "\n" + ";".join(known.values()) + "\n"
    assert read_any(table).reasons == read_any(json.dumps([known])).reasons == ["no_position"]
    query = {"id": "x", "lat": "60.1", "lon": "24.9", "timestamp": str(AT), "valid": word}
    at_door = traccar.read(b"", Envelope("traccar", query=query), NOW_US, NOW_US)
    position = {"fixTime": ISO, "latitude": 60.1, "longitude": 24.9, "valid": word}
    body = json.dumps({"position": position, "device": {"uniqueId": "x"}}).encode()
    forwarded = traccar.read(body, Envelope("traccar"), NOW_US, NOW_US)
    assert reasons(at_door) == reasons(forwarded) == ["no_position"]


def placemark(**members: str) -> str:
    inner = "".join(f'<Data name="{n}"><value>{v}</value></Data>' for n, v in members.items())
    return (
        f"<kml><Placemark><ExtendedData>{inner}</ExtendedData><Point><coordinates>24.9,60.1"
        "</coordinates></Point></Placemark></kml>"
    )


@pytest.mark.parametrize(
    "members",
    [
        {"Time (UTC+3)": "2024-05-01 13:00:00"},
        {"time": "2024-05-01 13:00", "timezone": "Europe/Helsinki"},
        {"Date": "2024-05-01", "Time": "10:00:00"},
        {"time": ISO, "timezone": "Europe/Helsinki"},
    ],
)
def test_times_beside_a_placemark_are_those_of_tables(members: dict[str, str]) -> None:
    header, cells = ";".join(members), ";".join(members.values())
    for data in (placemark(**members), f"{header};lat;lon\n{cells};60.1;24.9\n"):
        assert only_row(data)[1:4] == (AT * 1_000_000, 24.9, 60.1)


@pytest.mark.parametrize("name", ["valid", "Valid GPS Fix"])
def test_a_placemark_or_track_point_that_is_called_invalid_is_refused(name: str) -> None:
    assert read_any(placemark(**{"time": ISO, name: "False"})).reasons == ["no_position"]
    assert only_row(placemark(**{"time": ISO, name: "True"}))[2:4] == (24.9, 60.1)
    tag = name.replace(" ", "")
    for word, found in (("false", ["no_position"]), ("true", [])):
        inside = f"<time>{ISO}</time><extensions><{tag}>{word}</{tag}></extensions>"
        point = f'<trkpt lat="60.1" lon="24.9">{inside}</trkpt>'
        assert read_any(f"<gpx><trk><trkseg>{point}</trkseg></trk></gpx>").reasons == found
