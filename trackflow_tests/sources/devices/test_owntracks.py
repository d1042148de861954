"""OwnTracks: each message is a point, a refusal or ignored, with any content."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import owntracks
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow_tests.helpers.any_values import NOW_US, any_json, nearly, reasons, rows
from trackflow_tests.helpers.reading import points

T = 1_780_000_000
LOCATION = {
    "_type": "location", "acc": 8, "alt": 21, "batt": 74, "cog": 271, "conn": "m", "lat": 60.1699,
    "lon": 24.9384, "p": 100.9, "t": "t", "tid": "jp", "topic": "owntracks/jane/phone", "tst": T,
    "vac": 3, "vel": 54, "BSSID": "aa:bb:cc:dd:ee:ff", "created_at": T + 2,
}  # fmt: skip


def read(value: object, device_id: str | None = None, named: str = "") -> BodyContent:
    body = json.dumps(value).encode()
    return owntracks.read(body, Envelope("owntracks", device_id, named), NOW_US)


def test_a_location_in_our_units() -> None:
    expected = ("jane/phone", T * 1_000_000, 24.9384, 60.1699, 21.0, 8.0, 15.0, 271.0)
    assert rows(read(LOCATION)) == [pytest.approx(expected)]


@given(st.lists(points, max_size=5))
def test_points_come_in_as_they_are(sent: list[tuple[str, int, int, float, float]]) -> None:
    messages = [
        {"_type": "location", "tid": device, "tst": s + us / 1e6, "lat": lat, "lon": lon}
        for device, s, us, lat, lon in sent
    ]
    delivery = read(messages)
    assert not delivery.refused
    found = [(row[0], row[3], row[2]) for row in rows(delivery)]
    assert found == [(device, lat, lon) for device, _, _, lat, lon in sent]
    times = [row[1] for row in rows(delivery)]
    assert times == pytest.approx([s * 1e6 + us for _, s, us, _, _ in sent], abs=1)


@given(st.lists(nearly(LOCATION), max_size=4))
def test_every_message_is_accounted_for(messages: list[object]) -> None:
    delivery = read(messages)
    assert len(delivery.points) + len(delivery.refused) + delivery.ignored == len(messages)


@given(st.binary() | any_json.map(json.dumps).map(str.encode))
def test_no_body_is_too_strange(body: bytes) -> None:
    delivery = owntracks.read(body, Envelope("owntracks"), NOW_US)
    empty = not body.strip() or json_or_none(body) == []
    assert (len(delivery.points) + len(delivery.refused) + delivery.ignored > 0) != empty


@pytest.mark.parametrize("depth", [200, 900, 1_100, 2_000, 50_000])
def test_a_deep_body_is_set_aside(depth: int) -> None:
    body = b'{"_type": "location", "lat": ' + b"[" * depth + b"]" * depth + b"}"
    delivery = owntracks.read(body, Envelope("owntracks", "x"), NOW_US)
    assert reasons(delivery) in (["no_position"], ["unreadable"])


def json_or_none(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@pytest.mark.parametrize(
    "kind", ["lwt", "waypoint", "waypoints", "transition", "status", "card", "cmd", "steps"]
)
def test_other_messages_are_ignored(kind: str) -> None:
    delivery = read({"_type": kind, "tst": T, "lat": 60.1, "lon": 24.9})
    assert (len(delivery.points), delivery.refused, delivery.ignored) == (0, [], 1)


def test_what_is_encrypted_is_set_aside() -> None:
    delivery = read({"_type": "encrypted", "data": "bm9ib2R5IGNhbiByZWFkIHRoaXM="})
    assert reasons(delivery) == ["encrypted"]
    assert "bm9ib2R5" in delivery.refused[0].raw


def test_an_unknown_type_is_set_aside() -> None:
    assert reasons(read({"_type": "locatoin", "lat": 1, "lon": 2})) == ["not_a_point"]


def test_a_position_needs_no_type() -> None:
    assert len(read({"lat": 60.1, "lon": 24.9, "tst": T, "tid": "x"}).points) == 1


@pytest.mark.parametrize(
    ("topic", "tid", "named", "bound", "device"),
    [
        ("owntracks/jane/phone", "jp", "", None, "jane/phone"),
        ("owntracks/jane/phone/event", "jp", "", None, "jane/phone"),
        ("our/own/jane/phone", "jp", "", None, "jane/phone"),
        ("lonely", "jp", "", None, "jp"),
        (None, "jp", "", None, "jp"),
        ("owntracks/jane/phone", "jp", "jane/tablet", None, "jane/tablet"),
        ("owntracks/jane/phone", "jp", "jane/tablet", "bus-7", "bus-7"),
    ],
)
def test_who_names_the_device(
    topic: str | None, tid: str, named: str, bound: str | None, device: str
) -> None:
    delivery = read(LOCATION | {"topic": topic, "tid": tid}, bound, named)
    assert delivery.points.devices == (device,)


def test_a_device_is_a_user_and_a_name() -> None:
    assert owntracks.device_named("jane", "phone") == "jane/phone"
    assert owntracks.device_named("jane", "") == "jane"
    assert owntracks.device_named(" ", "phone") == "phone"
    assert owntracks.device_named(None, None) == ""


def test_without_any_name_the_device_is_the_senders() -> None:
    nameless = {k: v for k, v in LOCATION.items() if k not in ("topic", "tid")}
    assert read(nameless).points.devices == ("owntracks",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lat": None}, "no_position"),
        ({"lat": 91}, "out_of_range"),
        ({"lat": 0, "lon": 0}, "null_island"),
        ({"tst": None}, "no_time"),
        ({"tst": "yesterday"}, "bad_time"),
        ({"tst": 0}, "time_out_of_range"),
        ({"tst": NOW_US // 1_000_000 + 90_000}, "time_out_of_range"),
        ({"topic": None, "tid": "a\nb"}, "bad_device"),
    ],
)
def test_a_broken_point_is_refused_with_its_reason(change: dict[str, object], reason: str) -> None:
    delivery = read([LOCATION | change, LOCATION])
    assert len(delivery.points) == 1
    assert reasons(delivery) == [reason]


def test_an_accuracy_of_nought_is_no_accuracy() -> None:
    assert rows(read(LOCATION | {"acc": 0}))[0][5] is None
