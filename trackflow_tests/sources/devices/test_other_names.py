"""Forms that are filled in with other names, and what stands beside a value, as in files."""

import json

import pytest

from trackflow.sources.devices import overland, traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.reading import read as live
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.any_values import reasons, rows
from trackflow_tests.helpers.reading import NOW_US, read_bytes

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO = "2024-05-01T10:00:00Z"
ACCURACY = 5
POINT = {"type": "Point", "coordinates": [24.9, 60.1]}


def only_row(data: str):
    found = read_bytes(data.encode(), detect(data.encode(), "file.csv"))
    assert (found.error, found.reasons) == ("", [])
    (row,) = found.rows
    return row


PLACE = {"id": "x", "lat": "60.1", "lon": "24.9"}
FORMS = [
    ({"id": "x", "lat": "60.1", "ns": "S", "lon": "24.9", "ew": "W"} | {"timestamp": ISO}, -1),
    ({"id": "x", "latitudeE7": "601000000", "longitudeE7": "249000000", "timestamp": ISO}, 1),
    (PLACE | {"time": "2024-05-01 13:00:00", "tz": "+03:00"}, 1),
    (PLACE | {"time": "2024-05-01 13:00:00", "timezone": "Europe/Helsinki"}, 1),
    (PLACE | {"time": f"{AT}", "tz": "+03:00"}, 1),
    (PLACE | {"time": "2024-05-01T10:00:00Z", "tz": "+03:00"}, 1),
]


@pytest.mark.parametrize(("query", "sign"), FORMS)
def test_hemispheres_zones_and_parts_of_degrees_at_the_door_as_in_files(
    query: dict[str, str], sign: int
) -> None:
    (at_door,) = rows(traccar.read(b"", Envelope("traccar", query=query), NOW_US, NOW_US))
    table = ";".join(query) + "\n" + ";".join(query.values()) + "\n"
    for row in (at_door, only_row(table), only_row(json.dumps([query]))):
        assert row[1:4] == (AT * 1_000_000, sign * 24.9, sign * 60.1)


COORDS = {"latitude": 60.1, "longitude": 24.9}
BODIES = [
    ("overland", {"locations": [{**COORDS, "timestamp": ISO, "accuracy": 5}]}),
    ("overland", {"locations": [{"type": "Feature", "geometry": POINT, "timestamp": ISO,
                                 "properties": {"accuracy": 5}}]}),
    ("overland", {"locations": [{"type": "Feature", "geometry": POINT,
                                 "properties": {"time": ISO, "accuracy": "5 m"}}]}),
    ("owntracks", {"_type": "location", **COORDS, "timestamp": AT, "acc": 5}),
    ("owntracks", {**COORDS, "tst": AT, "accuracy": 5}),
    ("traccar", {"id": "x", "location": {"lat": 60.1, "lng": 24.9}, "timestamp": AT,
                 "accuracy": 5}),
    ("traccar", {"id": "x", "location": {"recorded_at": ISO, "coords": {**COORDS, "accuracy": 5}}}),
    ("traccar", {"entity_id": "x", "attributes": {**COORDS, "gps_accuracy": 5},
                 "last_updated": ISO}),
]  # fmt: skip


@pytest.mark.parametrize(("endpoint", "body"), BODIES)
def test_forms_that_are_filled_in_with_other_names(endpoint: str, body: object) -> None:
    delivery = live(json.dumps(body).encode(), Envelope(endpoint), now_us=NOW_US)
    assert reasons(delivery) == []
    (row,) = rows(delivery)
    assert row[1:4] == (AT * 1_000_000, 24.9, 60.1)
    assert row[ACCURACY] == 5.0


def test_a_collection_of_geojson_at_the_address_of_overland() -> None:
    one = {
        "type": "Feature",
        "geometry": POINT,
        "properties": {"timestamp": ISO, "device_id": "me"},
    }
    body = json.dumps({"type": "FeatureCollection", "features": [one]}).encode()
    (row,) = rows(overland.read(body, Envelope("overland"), NOW_US))
    assert row[:4] == ("me", AT * 1_000_000, 24.9, 60.1)
    large = json.dumps({"type": "FeatureCollection", "features": [one] * 3_000}).encode()
    pieces = list(overland.parts(large))
    assert len(pieces) > 1
    counts = [len(overland.read(piece, Envelope("overland"), NOW_US).points) for piece in pieces]
    assert sum(counts) == 3_000
