"""Traccar: its client's JSON, the OsmAnd form and its server's JSON, distinguished by content."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow_tests.helpers.any_values import NOW_US, SQL, nearly, reasons, rows

US = 1_780_000_000_000_000
ISO = "2026-05-28T20:26:40.000Z"
KNOT_MS = 1852 / 3600

CLIENT = {
    "location": {
        "timestamp": ISO,
        "coords": {
            "latitude": 60.1699, "longitude": 24.9384, "accuracy": 8.0, "speed": 12.5,
            "heading": 271.0, "altitude": 21.0,
        },
        "is_moving": True, "odometer": 1044.2, "event": "motionchange",
        "battery": {"level": 0.74, "is_charging": False}, "activity": {"type": "in_vehicle"},
        "extras": {},
    },
    "device_id": "48241179",
}  # fmt: skip
FORWARDED = {
    "position": {
        "id": 18336, "attributes": {"ignition": True, "distance": 9.6}, "deviceId": 7,
        "protocol": "teltonika", "serverTime": "2026-05-28T20:26:41.000+0000",
        "deviceTime": "2026-05-28T20:26:40.000+0000", "fixTime": "2026-05-28T20:26:40.000+0000",
        "outdated": False, "valid": True, "latitude": 60.1699, "longitude": 24.9384,
        "altitude": 21.0, "speed": 10.0, "course": 271.0, "address": None, "accuracy": 0.0,
    },
    "device": {"id": 7, "name": "Bus 7", "uniqueId": "48241179", "status": "online"},
}  # fmt: skip
FORM = {
    "id": "48241179", "lat": "60.1699", "lon": "24.9384", "timestamp": "1780000000", "speed": "10",
    "bearing": "271.0", "altitude": "21", "accuracy": "8", "batt": "74",
}  # fmt: skip


def _read(
    body: bytes, query: dict[str, str], device_id: str | None = None, *, is_json: bool = False
) -> BodyContent:
    envelope = Envelope("traccar", device_id, query=query, is_json=is_json)
    return traccar.read(body, envelope, NOW_US, NOW_US)


def read(value: object, device_id: str | None = None, **query: str) -> BodyContent:
    body = b"" if value is None else json.dumps(value).encode()
    return _read(body, query, device_id, is_json=True)


def read_form(body: bytes = b"", **query: str) -> BodyContent:
    return _read(body, query)


def expected(speed_ms: float, accuracy_m: float | None = 8.0) -> Any:
    row = ("48241179", US, 24.9384, 60.1699, 21.0, accuracy_m, speed_ms, 271.0)
    return pytest.approx(row) if accuracy_m is not None else row


def test_the_client_speaks_metres_per_second() -> None:
    assert rows(read(CLIENT)) == [expected(12.5)]


def test_a_batch_of_the_client() -> None:
    later = {**CLIENT["location"], "timestamp": "2026-05-28T20:26:50Z"}  # type: ignore[dict-item]
    delivery = read(CLIENT | {"location": [CLIENT["location"], later, 5]})
    assert [row[1] for row in rows(delivery)] == [US, US + 10_000_000]
    assert reasons(delivery) == ["not_a_point"]
    assert json.loads(delivery.refused[0].raw) == CLIENT | {"location": 5}


def test_the_server_speaks_knots_and_says_nought_for_unknown() -> None:
    assert rows(read(FORWARDED)) == [expected(10 * KNOT_MS, None)]


@pytest.mark.parametrize("names", [{"id"}, {"deviceid"}])
def test_the_form_in_the_address_or_in_the_body(names: set[str]) -> None:
    record = {**FORM, names.pop(): "48241179"}
    body = "&".join(f"{k}={v}" for k, v in record.items()).encode()
    assert rows(read_form(**record)) == rows(read_form(body)) == [expected(10 * KNOT_MS)]
    parts = [f'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}' for k, v in record.items()]
    body = "".join(f"--b7\r\n{part}\r\n" for part in parts).encode() + b"--b7--\r\n"
    assert rows(read_form(body)) == [expected(10 * KNOT_MS)]
    assert reasons(read_form(body * 200)) == ["unreadable"]


@pytest.mark.parametrize(
    "written", ["1780000000", "1780000000000", ISO, "2026-05-28 20:26:40", "2026-05-28T22:26:40+02"]
)
def test_times_of_the_form(written: str) -> None:
    assert rows(read_form(**FORM | {"timestamp": written}))[0][1] == US


def test_a_location_in_one_parameter_and_an_hdop() -> None:
    record = {"id": "x", "location": "60.1699, 24.9384", "timestamp": ISO, "hdop": "1.5"}
    assert rows(read_form(**record)) == [
        ("x", US, 24.9384, 60.1699, None, 7.5, None, None),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lat": ""}, "no_position"),
        ({"lat": "north"}, "not_a_number"),
        ({"lat": "0", "lon": "0"}, "null_island"),
        ({"valid": "false"}, "no_position"),
        ({"timestamp": ""}, "no_time"),
        ({"timestamp": "0"}, "bad_time"),
        ({"id": "a\nb"}, "bad_device"),
    ],
)
def test_a_broken_form_is_refused_with_its_reason(change: dict[str, str], reason: str) -> None:
    delivery = read_form(**FORM | change)
    assert (len(delivery.points), reasons(delivery)) == (0, [reason])


def test_a_position_without_a_fix_is_none() -> None:
    position = {**FORWARDED["position"], "valid": False}  # type: ignore[dict-item]
    assert reasons(read(FORWARDED | {"position": position})) == ["no_position"]


def test_a_cell_alone_is_no_position() -> None:
    assert reasons(read_form(id="x", timestamp=ISO, cell="244,91,1,2")) == ["no_position"]


def test_an_empty_request_is_no_refusal() -> None:
    for delivery in (read_form(), read_form(token="x"), read_form(b"  ")):
        assert (len(delivery.points), delivery.refused) == (0, [])


def test_what_is_no_position_is_kept() -> None:
    delivery = read_form(version="3")
    assert [(r.reason, r.raw) for r in delivery.refused] == [("not_a_point", '{"version":"3"}')]


def test_a_device_by_its_token_then_its_own_name() -> None:
    assert read(CLIENT, "bus-7").points.devices == ("bus-7",)
    assert read({"location": CLIENT["location"]}, id="x").points.devices == ("x",)
    unnamed = FORWARDED | {"device": {"name": "Bus 7"}}
    assert read(unnamed).points.devices == ("Bus 7",)


@given(st.lists(nearly(CLIENT) | nearly(FORWARDED) | nearly(FORM), max_size=4))
def test_every_record_is_accounted_for(records: list[object]) -> None:
    delivery = read(records)
    sent = sum(_positions_in(record) for record in records)
    assert len(delivery.points) + len(delivery.refused) == sent


def _positions_in(record: object) -> int:
    """Those of a list; a list of two numbers is one."""
    found = record.get("location") if isinstance(record, dict) else None
    if not isinstance(found, list) or [type(each) in (int, float) for each in found] == [True] * 2:
        return 1
    return len(found)


@given(st.binary(), st.booleans(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_body_is_too_strange(body: bytes, is_json: bool, query: dict[str, str]) -> None:
    delivery = _read(body, query, is_json=is_json)
    assert len(delivery.points) + len(delivery.refused) >= bool(body.strip(b" []\t\r\n\v\f"))


@given(st.dictionaries(st.sampled_from([*FORM, "hdop", "valid", "location"]), st.text()))
def test_no_form_is_too_strange(query: dict[str, str]) -> None:
    delivery = read_form(**query | {"id": SQL})
    assert len(delivery.points) + len(delivery.refused) == 1


def test_an_event_without_a_position_is_nothing_to_keep() -> None:
    event = {"event": {"id": 3, "type": "deviceOffline", "positionId": 0}}
    for body in (event | {"device": FORWARDED["device"]}, event | {"position": None}):
        found = read(body)
        assert (rows(found), found.refused, found.ignored) == ([], [], 1)
    assert len(rows(read(event | FORWARDED))) == 1


def test_a_companion_that_tells_only_its_zone_has_no_position_to_keep() -> None:
    zone_only = {"type": "update_location", "data": {"location_name": "home", "battery": 74}}
    without_fix = {"type": "update_location", "data": {"gps": None, "gps_accuracy": 0}}
    for nothing in (zone_only, without_fix, {"type": "get_zones"}, {"type": "get_config"}):
        found = read(nothing)
        assert (rows(found), found.refused, found.ignored) == ([], [], 1)
    assert reasons(read({"type": "update_location", "data": {}})) == ["not_a_point"]


def test_points_of_phonetrack_as_objects() -> None:
    point = {"lat": 60.1, "lon": 24.9, "timestamp": US // 1_000_000, "acc": 8, "speed": 3.5}
    (row,) = rows(read({"points": [point | {"useragent": "x"}]}, id="jane"))
    assert row[:4] == ("jane", US, 24.9, 60.1)
    assert row[5:7] == (8.0, 3.5)


def test_the_address_that_gpslogger_suggests() -> None:
    (row,) = rows(read_form(lat="60.1", longitude="24.9", time=ISO, s="3.5"))
    assert row[1:4] == (US, 24.9, 60.1)
    assert row[6] == 3.5


def test_a_zero_that_is_no_altitude() -> None:
    coords = CLIENT["location"]["coords"] | {"altitude_accuracy": -1}
    for altitude, expected in ((0, None), (21.0, 21.0)):
        location = CLIENT["location"] | {"coords": coords | {"altitude": altitude}}
        assert rows(read(CLIENT | {"location": location}))[0][4] == expected


def test_a_count_since_1970_goes_before_a_clock_of_some_zone():
    """The clock was read as UTC, hours off."""
    record = {"id": "a", "lat": "60.1", "lon": "24.9", "time": "2026-05-28 23:26:40"}
    assert [row[1] for row in rows(read_form(**record, timestamp_ms=str(US // 1000)))] == [US]
