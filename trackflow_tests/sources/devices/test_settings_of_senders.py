"""What people get wrong in a sender's settings: read where plain, else named by its reason."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackflow.sources.devices import flat, owntracks, traccar
from trackflow.sources.devices.advice import advice
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow.sources.devices.nmea import read_rmc
from trackflow.sources.records import RefusalReason
from trackflow_tests.helpers.any_values import NOW_US, reasons, rows
from trackflow_tests.helpers.reading import points

US = 1_780_000_000_000_000
ARRIVED_US = US + 7_000_000
KNOT_MS = 1852 / 3600
PLACE = {"id": "x", "lat": "60.1", "lon": "24.9"}
MOMENT = {"timestamp": "1780000000"}


def read_form(query: dict[str, str], body: bytes = b"", endpoint: str = "traccar") -> BodyContent:
    return traccar.read(body, Envelope(endpoint, query=query), NOW_US, ARRIVED_US)


def read_owntracks(message: dict[str, Any]) -> BodyContent:
    return owntracks.read(json.dumps(message).encode(), Envelope("owntracks"), NOW_US)


def place_of(delivery: BodyContent) -> tuple[object, ...]:
    assert not delivery.refused, delivery.refused
    (row,) = rows(delivery)
    return row[:4]


@pytest.mark.parametrize(
    "query",
    [
        PLACE | {"tamp": "1780000000"},
        PLACE | {"lon": "24.9\xd7tamp=1780000000"},
        PLACE | {"lon": "24.9\xc3\x97tamp=1780000000"},
        PLACE | {"timestmp": "1780000000"},
        PLACE | {"time_stamp": "1780000000000"},
        PLACE | {"tst": "1780000000"},
        PLACE | {"time": "2026-05-28T20:26:40.000Z"},
        PLACE | {"timestamp": "2026-05-28T23:26:40 03:00"},
        PLACE | {"timestamp": "2026-05-28T23:26:40.000 0300"},
        PLACE | {"timestamp": "1780000000000000"},
        PLACE | {"timestamp": "1780000000,0"},
        PLACE | {"date": "2026-05-28", "time": "20:26:40"},
        {"id": "x", "latitude": "60.1", "longitude": "24.9"} | MOMENT,
        {"deviceid": "x", "lat": "60.1", "lng": "24.9"} | MOMENT,
        {"device": "x", "gps_lat": "60.1", "gps_lon": "24.9"} | MOMENT,
        {"id": "x", "lat": "60,1", "lon": "24,9"} | MOMENT,
        {"id": "x", "location": "60.1,24.9"} | MOMENT,
        {"id": "x", "location": "60,1,24,9"} | MOMENT,
        {"id": "x", "lat": "60.1N", "lon": "24.9 E"} | MOMENT,
        {"id": "x", "LAT": "60.1", "LON": "24.9", "TIMESTAMP": "1780000000"},
    ],
)
def test_what_is_plain_is_read(query: dict[str, str]) -> None:
    assert place_of(read_form(query)) == ("x", US, 24.9, 60.1)


@pytest.mark.parametrize(
    "tst", [1_780_000_000, "1780000000", 1_780_000_000_000, "2026-05-28T20:26:40Z", 1.78e9]
)
def test_times_of_owntracks(tst: object) -> None:
    message = {"_type": "location", "tid": "x", "lat": 60.1, "lon": 24.9, "tst": tst}
    assert place_of(read_owntracks(message)) == ("x", US, 24.9, 60.1)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (PLACE | MOMENT | {"lat": "%LAT"}, "placeholder"),
        (PLACE | MOMENT | {"lon": "{1}"}, "placeholder"),
        (PLACE | MOMENT | {"lat": "LAT", "lon": "LON"}, "placeholder"),
        (PLACE | {"timestamp": "%TIMESTAMP"}, "placeholder"),
        (PLACE | {"timestamp": "{fixTime}"}, "placeholder"),
        (PLACE, "no_time"),
        (PLACE | {"timestamp": "soon"}, "bad_time"),
        ({"id": "x", "latt": "60.1", "lonn": "24.9"} | MOMENT, "no_position"),
        (PLACE | MOMENT | {"valid": "false"}, "no_position"),
        ({"msg": "hello"}, "not_a_point"),
    ],
)
def test_what_is_not_plain_says_what_to_set_right(query: dict[str, str], reason: str) -> None:
    delivery = read_form(query)
    assert (len(delivery.points), reasons(delivery)) == (0, [reason])
    assert len(advice(reason)) > 20
    assert json.loads(delivery.refused[0].raw) == query


def test_every_reason_of_a_live_sender_has_an_advice() -> None:
    assert all(advice(reason) for reason in RefusalReason)
    assert advice("equal_time") == ""


@pytest.mark.parametrize("unset", ["%SER", "{12}", "", "unknown", "[ID]", "<id>"])
def test_a_device_without_a_name(unset: str) -> None:
    assert read_form(PLACE | MOMENT | {"id": unset}).points.devices == ("traccar",)


@pytest.mark.parametrize("unknown", ["0", "-1", "", "0.0", "%ACC", "\ufffdCC", "nan"])
def test_an_unknown_accuracy(unknown: str) -> None:
    (row,) = rows(read_form(PLACE | MOMENT | {"accuracy": unknown}))
    assert row[5] is None
    (row,) = rows(read_form(PLACE | MOMENT | {"accuracy": unknown, "hdop": unknown}))
    assert row[5] is None


def test_a_form_of_home_assistant_has_the_time_of_its_arrival() -> None:
    query = {"latitude": "60.1", "longitude": "24.9", "device": "x", "speed": "10"}
    (row,) = rows(read_form(query))
    assert (row[1], row[6]) == (ARRIVED_US, 10)
    assert rows(read_form(query, endpoint="gpslogger"))[0][1] == ARRIVED_US
    assert reasons(read_form(query | {"wrong": "5"})) == ["no_time"]
    assert len(read_form(query | {"wrong": "5"}, endpoint="homeassistant").points) == 1


def test_other_messages_of_home_assistant_are_ignored() -> None:
    body = json.dumps({"type": "update_sensor_states", "data": [{"state": 5}]}).encode()
    delivery = read_form({}, body, "homeassistant")
    assert (len(delivery.points), delivery.refused, delivery.ignored) == (0, [], 1)
    sealed = json.dumps({"type": "encrypted", "encrypted": True, "encrypted_data": "eA=="}).encode()
    assert reasons(read_form({}, sealed, "homeassistant")) == ["encrypted"]


@pytest.mark.parametrize(
    ("record", "speed_ms", "altitude_m"),
    [
        ({"speed_kmh": "36", "altitude_ft": "100"}, 10, 30.48),
        ({"speed_kmh": 36, "altitude_ft": 100}, 10, 30.48),
        ({"speed": "36 km/h", "altitude": "100 ft"}, 10, 30.48),
        ({"speed": "10,5", "altitude": "21,5"}, 10.5 * KNOT_MS, 21.5),
        ({"speed_ms": "10"}, 10, None),
        ({"speed": "-1", "altitude": ""}, None, None),
    ],
)
def test_text_is_parsed_before_it_is_converted(
    record: dict[str, Any], speed_ms: float | None, altitude_m: float | None
) -> None:
    body = json.dumps({"id": "x", "lat": "60,1", "lon": "24,9", **MOMENT, **record}).encode()
    (row,) = rows(read_form({}, body))
    assert (row[6], row[4]) == (
        speed_ms if speed_ms is None else pytest.approx(speed_ms),
        altitude_m if altitude_m is None else pytest.approx(altitude_m),
    )


def test_an_unknown_unit_makes_the_speed_unknown() -> None:
    (row,) = rows(read_form(PLACE | MOMENT | {"speed": "10", "speed_unit": "furlongs"}))
    assert row[6] is None


def test_owntracks_at_the_address_of_all() -> None:
    message = {"_type": "location", "topic": "owntracks/a/b", "tid": "b", "lat": 60.1, "lon": 24.9,
               "tst": 1_780_000_000, "acc": 8, "vel": 36}  # fmt: skip
    (row,) = rows(read_form({}, json.dumps(message).encode()))
    assert (row[0], row[6]) == ("a/b", pytest.approx(10))
    assert read_form({}, json.dumps(message | {"_type": "lwt"}).encode()).ignored == 1


def test_a_place_in_a_list_is_no_batch() -> None:
    record = {"id": "x", "location": [60.1, 24.9], **MOMENT}
    assert place_of(read_form({}, json.dumps(record).encode())) == ("x", US, 24.9, 60.1)


@given(points, st.sampled_from([None, *flat.SENDERS]), st.booleans())
def test_a_flat_record_says_where_it_was(
    point: tuple[str, int, int, float, float], endpoint: str | None, commas: bool
) -> None:
    device, seconds, _, lat, lon = point
    sent = {"lat": f"{lat:.7f}", "lon": f"{lon:.7f}", "timestamp": str(seconds), "id": device}
    if commas:
        sent |= {name: sent[name].replace(".", ",") for name in ("lat", "lon")}
    (row,) = rows(read_form(sent, endpoint=endpoint or "traccar"))
    assert row[:4] == (device, seconds * 1_000_000, pytest.approx(lon), pytest.approx(lat))


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 300))
def test_a_sentence_of_nmea(lat: float, lon: float, speed_kn: float) -> None:
    def written(degrees: float, digits: int) -> str:
        minutes = round(abs(degrees) * 60 * 1e5)
        return f"{minutes // 6_000_000:0{digits}d}{minutes % 6_000_000 / 1e5:08.5f}"

    sentence = (
        f"$GPRMC,202640,A,{written(lat, 2)},{'S' if lat < 0 else 'N'},"
        f"{written(lon, 3)},{'W' if lon < 0 else 'E'},{speed_kn:f},271.0,280526,,*00"
    )
    found = read_rmc(sentence)
    assert found is not None
    assert found.lat is not None
    assert found.lon is not None
    assert math.isclose(found.lat, lat, abs_tol=1e-7)
    assert math.isclose(found.lon, lon, abs_tol=1e-7)
    assert found.time == "2026-05-28T20:26:40+00:00"


@given(st.text("$GPRMC,NSEWAV0123456789.*", max_size=60))
@example("$GPRMC,202640,A,6\u00b210.0,N,2456.0,E,0,0,280526,,*00")  # a digit, and no number
def test_no_sentence_is_too_strange(sentence: str) -> None:
    delivery = read_form({"id": "x", "gprmc": sentence})
    assert len(delivery.points) + len(delivery.refused) == 1


@pytest.mark.parametrize("endpoint", ["traccar", "traccar-server"])
def test_a_sentence_beside_a_place_says_nothing_of_its_own(endpoint: str) -> None:
    """The address that Traccar's manual shows for its server fills in all that it knows."""
    sentence = "$GPRMC,202640.000,A,6010.0000,N,02456.0000,E,10.00,45.00,280526,,*00"
    sent = {
        "name": "Van 9", "uniqueId": "352", "deviceId": "1", "protocol": "osmand",
        "deviceTime": "1780000000000", "fixTime": "1780000000000", "valid": "true",
        "latitude": "60.1666667", "longitude": "24.9333333", "altitude": "21.5",
        "speed": "10", "course": "45", "statusCode": "0xF020", "gprmc": sentence,
    }  # fmt: skip
    delivery = read_form(sent, endpoint=endpoint)
    assert delivery.sender == "traccar-server"
    (row,) = delivery.points.rows()
    assert row[:5] == ("352", US, 24.9333333, 60.1666667, 21.5)
    assert reasons(read_form(sent | {"valid": "false"}, endpoint=endpoint)) == ["no_position"]


def test_a_sentence_without_a_fix_is_no_position() -> None:
    sentence = "$GPRMC,202640,V,6010.0,N,2456.0,E,0,0,280526,,*00"
    assert reasons(read_form({"id": "x", "gprmc": sentence})) == ["no_position"]


@pytest.mark.parametrize(
    ("message", "factor"),
    [
        ({"vel": 36, "topic": "owntracks/a/b"}, 1 / 3.6),
        ({"vel": 36.5, "topic": "owntracks/a/b"}, 1 / 3.6),
        ({"vel": 36, "bs": 1, "conn": "w"}, 1 / 3.6),
        ({"vel": 36}, 1 / 3.6),
        ({"vel": 36.0}, 1),
        ({"vel": "36.0"}, 1),
        ({"vel": 36, "bs": 1}, 1),
        ({"vel": 36, "bear": 90}, 1),
    ],
)
def test_who_fills_the_form_of_owntracks(message: dict[str, Any], factor: float) -> None:
    base = {"_type": "location", "tid": "x", "lat": 60.1, "lon": 24.9, "tst": 1_780_000_000}
    (row,) = rows(read_owntracks(base | message))
    assert row[6] == pytest.approx(float(message["vel"]) * factor)
