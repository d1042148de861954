"""`trackflow logbook` as a person uses it."""

import json
from pathlib import Path
from typing import Any

import pytest

from trackflow.settings import Settings
from trackflow.store.database import open_store
from trackflow_tests.helpers.commands import Run, caller
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive


@pytest.fixture
def trackflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """On a store with two vehicles, each with a drive."""
    store = open_store(Settings.from_env())
    call = caller(monkeypatch, capfd)
    for device in ("van", "car"):
        deliver(store, batch_of_device(device, drive(NOON, 100)))
    store.close()
    for device in ("van", "car"):
        call("vehicles", "add", device.upper())
        call("vehicles", "device", device.upper(), device)
    return call


def test_what_a_person_decides_is_in_the_book_at_once(trackflow: Run) -> None:
    trackflow("run")
    times = ("--start", "2026-03-02T12:00:00Z", "--end", "2026-03-02T12:30:00Z")
    said = ("--category", "business", "--purpose", "Smith")
    decided = trackflow("categories", "set", "--device", "van", *times, *said, "--json")
    assert [one["content"]["purpose"] for one in entries(trackflow, "VAN")] == ["Smith"]
    trackflow("categories", "undo", json.loads(decided.out)["decision_id"])
    assert [one["content"]["purpose"] for one in entries(trackflow, "VAN")] == [None]


def entries(trackflow: Run, vehicle: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        trackflow("logbook", "list", "--vehicle", vehicle, "--json").out
    )
    return found


def test_a_time_beyond_all_calendars_is_without_limit(trackflow: Run) -> None:
    ever = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00")
    assert trackflow("logbook", "join", "van", *ever).code == 0
    assert trackflow("legs", "correct", "van", *ever, "bus").code == 0
    assert trackflow("run").code == 0
    listed = json.loads(trackflow("logbook", "list", "--json").out)
    assert {one["content"]["vehicle_id"]: one["content"]["mode"] for one in listed} == {
        "VAN": "bus",
        "CAR": "driving",
    }
