"""Inputs as spreadsheets, loggers and exports really write them, and the values they mean."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources.options import ReadOptions
from trackflow.sources.recognition import detect
from trackflow.sources.values import columns
from trackflow.sources.values.moments import DateOrder
from trackflow.sources.values.zones import zone_option
from trackflow_tests.helpers.reading import only_row, read_bytes

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO = "2024-05-01T10:00:00Z"


def kind_of(data: str) -> str:
    return detect(data.encode()[:65_536], "file")


def gpx(point: str, inside: str = "") -> str:
    return f"<gpx><trk><trkseg><trkpt {point}>{inside}</trkpt></trkseg></trk></gpx>"


def kml(inside: str, coordinates: str = "24.9,60.1") -> str:
    return (
        f"<kml><Placemark><TimeStamp><when>{ISO}</when></TimeStamp>{inside}<Point><coordinates>"
        f"{coordinates}</coordinates></Point></Placemark></kml>"
    )


def tcx(lat: str, lon: str, more: str = "") -> str:
    return (
        "<TrainingCenterDatabase><Activities><Activity><Lap><Track><Trackpoint>"
        f"<Time>{ISO}</Time><Position><LatitudeDegrees>{lat}</LatitudeDegrees><LongitudeDegrees>"
        f"{lon}</LongitudeDegrees></Position>{more}</Trackpoint></Track></Lap></Activity>"
        "</Activities></TrainingCenterDatabase>"
    )


def record(**members: object) -> str:
    return json.dumps([{"lat": 60.1, "lon": 24.9, "time": ISO, **members}])


def table(**cells: str) -> str:
    known = {"lat": "60.1", "lon": "24.9", "time": ISO, **cells}
    return ";".join(known) + "\n" + ";".join(known.values()) + "\n"


def data_of(**members: str) -> str:
    inner = "".join(f'<Data name="{n}"><value>{v}</value></Data>' for n, v in members.items())
    return f"<ExtendedData>{inner}</ExtendedData>"


def elements(members: dict[str, str]) -> str:
    inner = "".join(f"<x:{n}>{v}</x:{n}>" for n, v in members.items())
    return f"<time>{ISO}</time><extensions>{inner}</extensions>"


WRITERS = {
    "csv": lambda members: table(**members),
    "json": lambda members: record(**members),
    "geojson": lambda members: json.dumps(
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [24.9, 60.1]},
         "properties": {"time": ISO, **members}}),
    "gpx": lambda members: gpx('lat="60.1" lon="24.9"', elements(members)),
    "kml": lambda members: kml(data_of(**members)),
}  # fmt: skip

ALTITUDE, ACCURACY, SPEED, COURSE = 4, 5, 6, 7
VALUES = [
    ("speed_kmh", "36", SPEED, 10.0),
    ("speed_mph", "100", SPEED, 44.704),
    ("speed_kn", "36", SPEED, 18.52),
    ("speed_knots", "36", SPEED, 18.52),
    ("speed", "36,5", SPEED, 36.5),
    ("speed", "36 km/h", SPEED, 10.0),
    ("velocity_kph", "36", SPEED, 10.0),
    ("speed_ms", "36", SPEED, 36.0),
    ("SOG", "36", SPEED, 18.52),
    ("vel_kmh", "36,0", SPEED, 10.0),
    ("altitude_ft", "100", ALTITUDE, 30.48),
    ("altitude_km", "1.5", ALTITUDE, 1500.0),
    ("altitude", "100 ft", ALTITUDE, 30.48),
    ("altitude_m", "-3,5", ALTITUDE, -3.5),
    ("accuracy_ft", "10", ACCURACY, 3.048),
    ("accuracy_km", "0.01", ACCURACY, 10.0),
    ("hAcc", "5.5", ACCURACY, 5.5),
    ("horizontal_accuracy", "5 m", ACCURACY, 5.0),
    ("accuracy", "0", ACCURACY, None),
    ("accuracy", "-1", ACCURACY, None),
    ("accuracy", "", ACCURACY, None),
    ("hdop", "0", ACCURACY, None),
    ("hdop", "1.5", ACCURACY, 7.5),
    ("bear", "180", COURSE, 180.0),
    ("bearing", "180°", COURSE, 180.0),
    ("heading", "180,5", COURSE, 180.5),
    ("cog", "360", COURSE, 0.0),
]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(("name", "text", "column", "value"), VALUES)
def test_units_and_unknown_values(writer, name, text, column, value):
    row = only_row(WRITERS[writer]({name: text}))
    assert row[1:4] == (AT * 1_000_000, 24.9, 60.1)
    assert row[column] == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(("accuracy", "hdop", "value"), [("0", "2", 10), ("-1", "0", None),
                                                         ("3", "2", 3)])  # fmt: skip
def test_hdop_stands_in_for_an_accuracy_that_is_unknown(writer, accuracy, hdop, value):
    row = only_row(WRITERS[writer]({"accuracy": accuracy, "hdop": hdop}))
    assert row[ACCURACY] == value


NUMBERS = {
    "kmh": lambda ms: ("speed_kmh", ms * 3.6, SPEED),
    "knots": lambda ms: ("speed_kn", ms * 3600 / 1852, SPEED),
    "mph": lambda ms: ("speed (mph)", ms / 0.44704, SPEED),
    "feet": lambda m: ("altitude [ft]", m / 0.3048, ALTITUDE),
    "km": lambda m: ("accuracy_km", m / 1000, ACCURACY),
}


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(NUMBERS)), st.floats(0.5, 2000), st.sampled_from(["csv", "json"]),
    st.booleans(),
)  # fmt: skip
def test_any_value_in_any_unit_means_the_same_with_point_and_comma(unit, value, writer, comma):
    name, written, column = NUMBERS[unit](value)
    text = f"{written:.9f}"
    members = {name: text.replace(".", ",") if comma else text}
    if comma:
        members |= {"lat": "60,1", "lon": "24,9"}
    row = only_row(WRITERS[writer](members))
    assert row[column] == pytest.approx(value, rel=1e-6)
    assert row[2:4] == (24.9, 60.1)


POSITIONS = [
    gpx('lat="60,1" lon="24,9"', f"<time>{ISO}</time>"),
    tcx("60,1", "24,9"),
    kml("", "24,9,60,1"),
    kml("", "24,9,60,1,12,5"),
    kml("<Track><when>2024-05-01T10:00:00Z</when><coord>24,9 60,1 0</coord></Track>").replace(
        "<coordinates>24.9,60.1</coordinates>", ""
    ),
    record(lat="60,1", lon="24,9"),
    record(lat="60.1N", lon="24.9 E"),
    record(lat="60°06'00\"N", lon="24°54'00\"E"),
    record(lat="60.1°", lon="24.9°"),
    json.dumps([{"position": "60.1,24.9", "time": ISO}]),
    json.dumps([{"location": {"latitude": "60,1", "longitude": "24,9"}, "time": ISO}]),
    json.dumps([{"coords": {"latitude": 60.1, "longitude": 24.9}, "timestamp": AT * 1000}]),
    json.dumps([{"Latitude": 60.1, "Longitude": 24.9, "Timestamp": ISO}]),
    json.dumps([{"gps_lat": 60.1, "gps_lon": 24.9, "ts": AT}]),
    json.dumps([{"latitudeE7": 601_000_000, "longitudeE7": 249_000_000, "time": ISO}]),
    json.dumps([{"lat": 60.1, "lon": 24.9, "date": "2024-05-01", "time": "10:00"}]),
    json.dumps([{"lat": 60.1, "lon": 24.9, "time": "2024-05-01 13:00", "timezone": "+03:00"}]),
    json.dumps({"semanticSegments": [{"startTime": ISO, "endTime": ISO, "timelinePath": [
        {"point": "60,1°, 24,9°", "time": ISO}]}]}),
    json.dumps({"timelineEdits": [{"deviceId": "7", "rawSignal": {"signal": {"position": {
        "point": {"latE7": 601_000_000, "lngE7": 249_000_000}, "timestamp": ISO}}}}]}),
    table(lat="60,1", lon="24,9"),
    table(lat="60.1N", lon="24.9E"),
    table(lat="60.1°", lon="24.9°"),
    f"Breitengrad;Längengrad;Datum\n60,1;24,9;{ISO}\n",
    "Breitengrad;Längengrad;Datum;Uhrzeit\n60,1;24,9;01.05.2024;10:00\n",
    "Leveysaste;Pituusaste;Päivämäärä;Kello\n60,1;24,9;1.5.2024;10.00\n",
    "Fecha;Hora;Latitud;Longitud\n2024-05-01;10:00:00;60,1;24,9\n",
    f"horodatage,latitude,longitude\n{ISO},60.1,24.9\n",
    "Breedtegraad;Lengtegraad;Tijdstip\n60,1;24,9;2024-05-01 10:00:00\n",
    "latitudine;longitudine;data e ora\n60,1;24,9;2024-05-01 10:00:00\n",
    f"time,position\n{ISO},\"60.1,24.9\"\n",
    f"time,position\n{ISO},60.1,24.9\n",
    f"time;Position\n{ISO};60,1 24,9\n",
    f"time\tlatlon\n{ISO}\t60,1, 24,9\n",
    f"time;coordinates\n{ISO};60.1N 24.9E\n",
    f"time,wkt\n{ISO},POINT (24.9 60.1)\n",
    f"time,lat,ns,lon,ew\n{ISO},60.1,N,24.9,E\n",
    "TAG,DATE,TIME,LATITUDE N/S,LONGITUDE E/W,HEIGHT,SPEED\nT,240501,100000,60.1N,24.9E,5,36\n",
    "date,time,lat,lon\n2024-05-01,10:00,60.1,24.9\n",
    "lat,lon,time,tz\n60.1,24.9,2024-05-01 13:00:00,Europe/Helsinki\n",
    "lat,lon,time,utc_offset\n60.1,24.9,2024-05-01 13:00:00,+03:00\n",
    f"report of van 7\n\nlat,lon,time\n60.1,24.9,{ISO}\n",
]  # fmt: skip


@pytest.mark.parametrize("data", POSITIONS)
def test_positions_and_times_as_people_write_them(data):
    row = only_row(data)
    assert row[1] == AT * 1_000_000
    assert row[2:4] == (pytest.approx(24.9), pytest.approx(60.1))


@pytest.mark.parametrize("south", ["60.1S", "S60.1", "-60.1", "60°06'00\" S", "60,1 South"])
def test_south_and_west_are_negative_everywhere(south):
    for data in (record(lat=south, lon="24.9 W"), table(lat=south, lon="24.9W"),
                 gpx(f"lat='{south}' lon='24.9W'".replace("'", '"') if '"' not in south else
                     f"lat='{south.replace(chr(39), '&apos;')}' lon='24.9W'",
                     f"<time>{ISO}</time>")):  # fmt: skip
        assert only_row(data)[2:4] == (-24.9, pytest.approx(-60.1))


@pytest.mark.parametrize("bad", ["60.1E", "60.1 X", "N", "60°61'N", "O60.1"])
def test_what_is_no_latitude_is_refused(bad):
    for data in (record(lat=bad), table(lat=bad)):
        found = read_bytes(data.encode(), kind_of(data))
        assert found.reasons == ["not_a_number"]


def test_values_of_a_list_are_each_read_by_themselves():
    times = [AT, AT * 1000, ISO, "2024-05-01 10:00:00", str(AT), AT * 1_000_000, f"{AT}.0"]
    rows = [{"lat": 60.1, "lon": 24.9 + i, "time": moment} for i, moment in enumerate(times)]
    found = read_bytes(json.dumps(rows).encode(), "geojson")
    assert found.refused == []
    assert set(found.points.time_us.tolist()) == {AT * 1_000_000}
    assert found.naive == 1


def test_times_of_spreadsheets_lose_no_hour():
    rows = "".join(f"60.1,24.9,2024-05-01 {hour}:05:00\n" for hour in range(24))
    found = read_bytes(f"lat,lon,time\n{rows}".encode(), "csv")
    assert (len(found.points), found.reasons, found.naive) == (24, [], 24)
    midnight = read_bytes(b"lat,lon,time\n60.1,24.9,2024-05-01T24:00:00Z\n", "csv")
    assert midnight.points.time_us.tolist() == [(AT + 14 * 3600) * 1_000_000]
    assert midnight.naive == 0


NAIVE = {
    "csv": "lat,lon,time\n60.1,24.9,2024-05-01 13:00:00\n",
    "json": json.dumps([{"lat": 60.1, "lon": 24.9, "time": "2024-05-01 13:00:00"}]),
    "gpx": gpx('lat="60.1" lon="24.9"', "<time>2024-05-01T13:00:00</time>"),
    "kml": kml("").replace(ISO, "2024-05-01T13:00:00"),
    "tcx": tcx("60.1", "24.9").replace(ISO, "2024-05-01T13:00:00"),
}


@pytest.mark.parametrize("kind", NAIVE)
def test_the_zone_of_times_without_one_can_be_set(kind):
    row = only_row(NAIVE[kind], options=ReadOptions(zone=zone_option("Europe/Helsinki")))
    assert row[1] == AT * 1_000_000
    found = read_bytes(NAIVE[kind].encode(), kind_of(NAIVE[kind]))
    assert (found.naive, found.points.time_us[0]) == (1, (AT + 3 * 3600) * 1_000_000)


def dated(cells: list[str], kind: str) -> tuple[bytes, str]:
    if kind == "csv":
        return ("lat,lon,time\n" + "".join(f"1,2,{c}\n" for c in cells)).encode(), "csv"
    if kind == "kml":
        places = "".join(
            f"<Placemark><TimeStamp><when>{c}</when></TimeStamp>"
            "<Point><coordinates>2,1</coordinates></Point></Placemark>"
            for c in cells
        )
        return f"<kml><Document>{places}</Document></kml>".encode(), "kml"
    return json.dumps([{"lat": 1, "lon": 2, "time": c} for c in cells]).encode(), "geojson"


@pytest.mark.parametrize("kind", ["csv", "json", "kml"])
def test_dates_with_points_say_nothing_about_others(kind):
    """Points are only ever written day first; what stands beside them may be of another program."""
    data, reader = dated(["05.06.2024 10:00", "05/07/2024 10:00"], kind)
    assert "say which: day-first or month-first (--dates" in read_bytes(data, reader).error
    found = read_bytes(data, reader, options=ReadOptions(order=DateOrder.MONTH_FIRST))
    days = [us // 86_400_000_000 for us in found.points.time_us.tolist()]
    assert sorted(days) == [19_850, 19_879]  # the seventh of May and the fifth of June


@pytest.mark.parametrize("kind", ["csv", "json", "kml"])
def test_the_order_of_dates_is_decided_by_the_whole_column(kind):
    ambiguous = ["01/05/2024 10:00"] * 30_000
    data, reader = dated([*ambiguous, "13/05/2024 10:00"], kind)
    found = read_bytes(data, reader)
    assert (found.error, found.reasons) == ("", [])
    assert set(found.points.time_us.tolist()) == {AT * 1_000_000, (AT + 12 * 86_400) * 1_000_000}
    data, reader = dated(ambiguous[:10], kind)
    assert "day-first or month-first (--dates" in read_bytes(data, reader).error
    for order, us in ((DateOrder.DAY_FIRST, AT), (DateOrder.MONTH_FIRST, 1_704_448_800)):
        found = read_bytes(data, reader, options=ReadOptions(order=order))
        assert set(found.points.time_us.tolist()) == {us * 1_000_000}


TRACCAR = (
    "id,deviceId,protocol,serverTime,deviceTime,fixTime,valid,latitude,longitude,altitude,speed,"
    "course,address,accuracy,batteryLevel,motion\n"
    f"1,7,osmand,{ISO},{ISO},{ISO},true,60.1,24.9,5,10,90,Main Street 1, 00100 Helsinki, FI,4,"
    "99,true\n"
    f"2,7,osmand,{ISO},{ISO},2024-05-01T10:00:05Z,false,60.1,24.9,5,10,90,,4,99,true\n"
)


def test_the_report_of_a_traccar_server_in_each_form():
    found = read_bytes(TRACCAR.encode(), kind_of(TRACCAR))
    assert found.reasons == ["no_position"]
    header, *lines = TRACCAR.splitlines()
    cells = [re.split(r",(?! )", line) for line in lines]
    records = [dict(zip(header.split(","), row, strict=True)) for row in cells]
    other = read_bytes(json.dumps(records).encode(), "geojson")
    assert other.reasons == ["no_position"]
    for (row,) in (found.rows, other.rows):
        assert row[0:4] == ("7", AT * 1_000_000, 24.9, 60.1)
        assert row[4:] == (5.0, 4.0, pytest.approx(5.1444444), 90.0)


def test_kilometres_per_hour_of_owntracks_tables():
    data = f"tst,lat,lon,vel,cog,acc\n{AT},60.1,24.9,36,90,0\n"
    assert only_row(data)[5:] == (None, pytest.approx(10), 90.0)


def test_a_blank_device_is_the_files():
    rows = f"van,60.1,24.9,{ISO}\n,60.1,24.9,{ISO}\n  ,60.1,24.9,{ISO}\n"
    found = read_bytes(f"device,lat,lon,time\n{rows}".encode(), "csv")
    assert [row[0] for row in found.rows] == ["van", "stem", "stem"]


def test_a_table_without_names_is_read_with_given_columns():
    data = f"60.1,24.9,{ISO}\n60.2,24.8,{ISO}\n".encode()
    assert "--columns time=3,lat=1,lon=2" in read_bytes(data, "csv").error
    chosen = ReadOptions(columns=columns.option("time=3,lat=1,lon=2"))
    found = read_bytes(data, "csv", options=chosen)
    assert [row[2:4] for row in found.rows] == [(24.9, 60.1), (24.8, 60.2)]
    headed = b"foo,bar,baz\n" + data
    assert read_bytes(headed, "csv", options=chosen).rows == found.rows
    pairs = f"x;{ISO};60,1 24,9\n".encode()
    chosen = ReadOptions(columns=columns.option("device=1,time=2,position=3"))
    assert read_bytes(pairs, "csv", options=chosen).rows[0][:4] == ("x", AT * 1_000_000, 24.9, 60.1)


@pytest.mark.parametrize("text", ["time=3", "lat=1,lon=2", "what=1,lat=1", "lat=0,lon=1,time=2",
                                  "lat=a,lon=1,time=2", "", "lat=1;lon=2"])  # fmt: skip
def test_columns_that_cannot_be_understood_are_an_error(text):
    with pytest.raises(BadInputError, match="--columns"):
        columns.option(text)


def test_a_type_of_another_kind_is_no_message_of_owntracks():
    data = json.dumps([{"_type": "position", "lat": 60.1, "lon": 24.9, "time": ISO}])
    assert detect(data.encode(), "x.json") == "geojson"
    assert only_row(data)[2:4] == (24.9, 60.1)


def test_speeds_and_accuracies_that_are_listed_behind_a_track():
    arrays = "".join(
        f'<SimpleArrayData name="{name}"><value>{a}</value><value>{b}</value></SimpleArrayData>'
        for name, a, b in (("speed_kmh", 36, 72), ("accuracy", 5, 0), ("bearing", 10, 20))
    )
    data = (
        f"<kml><Placemark><Track><when>{ISO}</when><when>2024-05-01T10:00:05Z</when>"
        "<coord>24.9 60.1 3</coord><coord>24.8 60.2</coord>"
        f"<ExtendedData><SchemaData>{arrays}</SchemaData></ExtendedData></Track></Placemark></kml>"
    )
    found = read_bytes(data.encode(), "kml")
    assert [row[4:] for row in found.rows] == [(3, 5, 10, 10), (None, None, 20, 20)]


@pytest.mark.parametrize("name", ["last_changed", "start_time", "Timestamp", "gps_time", "fix_time",
                                  "BaseDateTime", "Zeitstempel", "aikaleima"])  # fmt: skip
def test_other_names_of_times(name):
    assert only_row(json.dumps([{"lat": 60.1, "lon": 24.9, name: ISO}]))[1] == AT * 1_000_000
    assert only_row(f"lat,lon,{name}\n60.1,24.9,{ISO}\n")[1] == AT * 1_000_000


def test_a_journey_without_ends_begins_and_ends_where_its_path_does():
    journey = {
        "startLocation": {}, "endLocation": {},
        "duration": {"startTimestamp": ISO, "endTimestamp": "2024-05-01T10:10:00Z"},
        "waypointPath": {"waypoints": [{"latE7": 601_000_000, "lngE7": 249_000_000},
                                       {"latE7": 602_000_000, "lngE7": 249_000_000}]},
    }  # fmt: skip
    data = json.dumps({"timelineObjects": [{"activitySegment": journey}]})
    found = read_bytes(data.encode(), kind_of(data))
    assert [row[1:4] for row in found.rows] == [
        (AT * 1_000_000, 24.9, 60.1),
        ((AT + 600) * 1_000_000, 24.9, 60.2),
    ]
    assert found.refused == []


MESSAGE = {"_type": "location", "tst": AT, "lat": 60.1, "lon": 24.9, "tid": "x"}


def test_lines_of_the_recorder_with_spaces_for_tabs():
    for gap in (" ", "    ", "\t"):
        data = f"{ISO}{gap}*                 {gap}{json.dumps(MESSAGE)}\n"
        assert only_row(data)[:4] == ("x", AT * 1_000_000, 24.9, 60.1)


def test_messages_below_their_user_and_device():
    data = json.dumps({"jane": {"phone": [MESSAGE, MESSAGE], "watch": [MESSAGE]}, "joe": {
        "car": [MESSAGE]}})  # fmt: skip
    found = read_bytes(data.encode(), kind_of(data))
    assert [row[0] for row in found.rows] == ["jane/phone", "jane/phone", "jane/watch", "joe/car"]
    assert found.refused == []


def test_waypoints_are_no_track():
    marks = f'<wpt lat="60.1" lon="24.9"><time>{ISO}</time></wpt>' * 12
    data = f"<gpx>{marks}</gpx>"
    found = read_bytes(data.encode(), "gpx")
    assert (len(found.points), found.refused, found.skipped) == (0, [], {"waypoint": 12})
    assert len(read_bytes(data.encode(), "gpx", options=ReadOptions(waypoints=True)).points) == 12
