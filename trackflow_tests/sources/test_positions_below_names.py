"""Records of several vehicles with a list of positions each, as servers of fleets answer."""

import json
from pathlib import Path

import pytest

from trackflow.sources.devices import geojson_batch
from trackflow.sources.devices.envelopes import Envelope
from trackflow_tests.helpers.any_values import rows
from trackflow_tests.helpers.reading import NOW_US, read_path

AT = 1_714_557_600


def positions(lat: float, seconds: range = range(0, 30, 10)) -> list[dict[str, object]]:
    return [{"id": s, "time": AT + s, "lat": lat, "lon": 24.9} for s in seconds]


def devices(folder: Path, message: object) -> dict[str, set[float]]:
    """The latitudes of each device of a file."""
    (folder / "export.json").write_text(json.dumps(message, indent=1))
    ((_, found),) = read_path(folder / "export.json").items()
    assert (found.error, found.reasons) == ("", [])
    lats: dict[str, set[float]] = {}
    for row in found.rows:
        lats.setdefault(str(row[0]), set()).add(float(str(row[3])))
    return lats


@pytest.mark.parametrize("around", ["data", "devices", "vehicles", ""])
@pytest.mark.parametrize("name", ["id", "name", "label"])
@pytest.mark.parametrize("inner", ["positions", "gps", "points"])
def test_a_record_around_positions_names_their_vehicle(
    tmp_path: Path, around: str, name: str, inner: str
) -> None:
    """Nobody is at two places at once; as one device, half of the points would be set aside."""
    records = [{name: "v1", inner: positions(60.1)}, {name: "v2", inner: positions(60.2)}]
    message = {around: records, "name": "all"} if around else records
    assert devices(tmp_path, message) == {"v1": {60.1}, "v2": {60.2}}
    body = json.dumps(message).encode()
    sent = rows(geojson_batch.read(body, Envelope("geojson"), NOW_US))
    assert {(row[0], row[3]) for row in sent} == {("v1", 60.1), ("v2", 60.2)}
    sent = rows(geojson_batch.read(body, Envelope("geojson", device_id="own"), NOW_US))
    assert {row[0] for row in sent} == {"own"}


def test_a_last_place_with_its_history(tmp_path: Path) -> None:
    records = [
        {"name": name, "time": AT + 25, "lat": lat, "lon": 24.9, "history": positions(lat)}
        for name, lat in (("v1", 60.1), ("v2", 60.2))
    ]
    assert devices(tmp_path, records) == {"v1": {60.1}, "v2": {60.2}}


def test_trips_one_after_another_are_of_one_device(tmp_path: Path) -> None:
    """They may share the moment in which one ends and the next begins."""
    trips = [
        {"id": 1, "points": positions(60.1)},
        {"id": 2, "points": positions(60.2, range(20, 50, 10))},
    ]
    assert devices(tmp_path, {"trips": trips}) == {"export": {60.1, 60.2}}
