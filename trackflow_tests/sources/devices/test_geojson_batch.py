"""GeoJSON by HTTP: what the reader of files makes of it, and a refusal where it makes nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import geojson_batch
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow_tests.helpers.any_values import NOW_US, nearly, reasons, rows

US = 1_780_000_000_000_000


def feature(**properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [24.9384, 60.1699, 21.0]},
        "properties": {
            "device_id": "bus-7", "recorded_at": "2026-05-28T20:26:40Z", "accuracy_m": 8,
            "speed_kmh": 36.0, "course_deg": 271, **properties,
        },
    }  # fmt: skip


def read(value: object, device_id: str | None = None, fallback: str = "") -> BodyContent:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return geojson_batch.read(
        body, Envelope("geojson", device_id, fallback_device=fallback), NOW_US
    )


@pytest.mark.parametrize(
    "value",
    [
        {"type": "FeatureCollection", "features": [feature()]},
        [feature()],
        feature(),
        json.dumps(feature()).encode() + b"\n",
    ],
)
def test_all_forms_of_a_batch(value: object) -> None:
    expected = ("bus-7", US, 24.9384, 60.1699, 21.0, 8.0, 10.0, 271.0)
    assert rows(read(value)) == [pytest.approx(expected)]


@given(st.lists(nearly(feature()["properties"]), min_size=1, max_size=4))
def test_every_feature_is_accounted_for(properties: list[Any]) -> None:
    features = [feature() | {"properties": p} for p in properties]
    delivery = read({"type": "FeatureCollection", "features": features})
    assert len(delivery.points) + len(delivery.refused) == len(features)


@given(st.binary() | nearly({"features": [feature()]}).map(json.dumps).map(str.encode))
def test_no_body_is_too_strange(body: bytes) -> None:
    read(body)


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"\x1f\x8b"]
)
def test_what_is_no_json_is_one_refusal(body: bytes) -> None:
    assert reasons(read(body)) == ["unreadable"]


def test_an_empty_collection_is_nothing() -> None:
    delivery = read({"type": "FeatureCollection", "features": []})
    assert (len(delivery.points), delivery.refused) == (0, [])


def test_dates_that_mean_two_days_are_refused_one_by_one() -> None:
    features = [feature(recorded_at=f"0{day}/02/2026 10:00:00") for day in (1, 2, 3)]
    assert reasons(read(features)) == ["bad_time"] * 3


def test_another_projection_is_refused_whole() -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3067"}}
    collection = {"type": "FeatureCollection", "features": [feature(), feature()], "crs": crs}
    assert reasons(read(collection)) == ["out_of_range"] * 2


@pytest.mark.parametrize("body", ['{"event":"up","battery":3}', "[1, 2]", "{}"])
def test_what_is_well_formed_and_no_position_is_not_called_broken(body: str) -> None:
    """The advice for broken bodies would send people to look for a fault that is not there."""
    assert set(reasons(read(body.encode()))) == {"not_a_point"}


def test_who_names_the_device() -> None:
    nameless = feature(device_id=None)
    assert read(nameless, fallback="x").points.devices == ("x",)
    assert read(feature(), fallback="x").points.devices == ("bus-7",)
    assert read(feature(), "bound", "x").points.devices == ("bound",)
    assert read(nameless).points.devices == ("geojson",)
