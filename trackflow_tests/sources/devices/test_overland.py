"""Overland: each feature of a batch is a point, a refusal or an event that is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import overland
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow_tests.helpers.any_values import NOW_US, any_json, nearly, reasons, rows


def feature(geometry: Any = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": geometry or {"type": "Point", "coordinates": [24.9384, 60.1699]},
        "properties": {
            "timestamp": "2026-05-28T20:26:40Z", "altitude": 21, "speed": 4, "course": 351.2,
            "horizontal_accuracy": 30, "vertical_accuracy": -1, "motion": ["driving"],
            "battery_state": "charging", "battery_level": 0.89, "device_id": "jane", "wifi": "",
            **properties,
        },
    }  # fmt: skip


def read(value: object, device_id: str | None = None, fallback: str = "") -> BodyContent:
    body = json.dumps(value).encode()
    return overland.read(body, Envelope("overland", device_id, fallback_device=fallback), NOW_US)


def test_a_location_in_our_units() -> None:
    expected = ("jane", 1_780_000_000_000_000, 24.9384, 60.1699, 21.0, 30.0, 4.0, 351.2)
    batch = {"locations": [feature()], "trip": {"mode": "car"}, "current": feature()}
    assert rows(read(batch)) == [pytest.approx(expected)]


@pytest.mark.parametrize(("altitude", "metres"), [(None, 7.5), (21, 21.0)])
def test_a_height_may_stand_in_the_coordinates(altitude: object, metres: float) -> None:
    place = {"type": "Point", "coordinates": [24.9384, 60.1699, 7.5]}
    assert rows(read({"locations": [feature(place, altitude=altitude)]}))[0][4] == metres


def test_minus_one_is_unknown() -> None:
    row = rows(read({"locations": [feature(horizontal_accuracy=-1, speed=-1, course=-1)]}))[0]
    assert row[5:] == (None, None, None)


@pytest.mark.parametrize(
    ("written", "us"),
    [
        ("2026-05-28T13:26:40-0700", 1_780_000_000_000_000),
        ("2026-05-28T20:26:40.250Z", 1_780_000_000_250_000),
        ("2026-05-28T20:26:40+00:00", 1_780_000_000_000_000),
        (1_780_000_000, 1_780_000_000_000_000),
    ],
)
def test_times_with_any_zone(written: object, us: int) -> None:
    both = read({"locations": [feature(timestamp=written), feature(timestamp="when?")]})
    assert [row[1] for row in rows(both)] == [us]
    assert reasons(both) == ["bad_time"]


@given(st.lists(nearly(feature()), max_size=4))
def test_every_feature_is_accounted_for(features: list[object]) -> None:
    delivery = read({"locations": features})
    assert len(delivery.points) + len(delivery.refused) + delivery.ignored == len(features)


@given(st.binary() | nearly({"locations": [feature()]}).map(json.dumps).map(str.encode))
def test_no_body_is_too_strange(body: bytes) -> None:
    overland.read(body, Envelope("overland"), NOW_US)


@pytest.mark.parametrize("value", [{}, 5, None, "x", {"locations": 5}, {"locations": {}}])
def test_what_is_no_batch_is_set_aside(value: object) -> None:
    assert reasons(read(value)) == ["not_a_point"]


@pytest.mark.parametrize("more", [{"action": "visit"}, {"type": "trip", "duration": 60}])
def test_events_and_trips_are_no_positions(more: dict[str, Any]) -> None:
    delivery = read({"locations": [feature(**more), feature()]})
    assert (len(delivery.points), delivery.refused, delivery.ignored) == (1, [], 1)


@pytest.mark.parametrize(
    ("name_sent", "fallback", "bound", "device"),
    [("jane", "", None, "jane"), ("", "x", None, "x"), ("jane", "x", "b", "b"), (7, "", None, "7")],
)
def test_who_names_the_device(
    name_sent: object, fallback: str, bound: str | None, device: str
) -> None:
    assert read({"locations": [feature(device_id=name_sent)]}, bound, fallback).points.devices == (
        device,
    )


@pytest.mark.parametrize("name_sent", ["", "  ", None, [], "null"])
def test_without_any_name_the_device_is_the_senders(name_sent: object) -> None:
    delivery = read({"locations": [feature(device_id=name_sent)]})
    assert delivery.points.devices == ("overland",)


@given(any_json)
def test_a_strange_geometry_is_refused(coordinates: Any) -> None:
    good = isinstance(coordinates, list) and len(coordinates) > 1
    delivery = read({"locations": [feature({"type": "Point", "coordinates": coordinates})]})
    if not good:
        assert reasons(delivery) == ["no_position"]
