"""`trackflow logbook` as a person uses it."""

import datetime as dt
import json
from contextlib import closing
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


def test_a_trip_that_came_late_is_listed_and_amended(trackflow: Run) -> None:
    """And what was said about vehicles can be listed and taken back."""
    trackflow("run")
    trackflow("logbook", "close", "--until", "2100-01-01T00:00:00Z")
    late = batch_of_device("van", drive(NOON - dt.timedelta(hours=9), 100))
    with closing(open_store(Settings.from_env())) as store:
        deliver(store, late)
    trackflow("run")
    added, closed = entries(trackflow, "VAN")
    assert (added["status"], closed["status"]) == ("added", "closed")
    assert "added" in trackflow("logbook", "list", "--needs-purpose").out
    assert trackflow("logbook", "amend", added["entry_id"], "--reason", "x").code == 1
    said = ("--purpose", "Smith", "--start-place", "Depot", "--end-place", "Smith's")
    assert trackflow("logbook", "amend", added["entry_id"], *said, "--reason", "late").code == 0
    now = entries(trackflow, "VAN")[0]["now"]
    assert [now[name] for name in ("purpose", "start_place", "end_place")] == [*said[1::2]]
    trackflow("logbook", "amend", added["entry_id"], "--end-place", "", "--reason", "wrong")
    assert entries(trackflow, "VAN")[0]["now"]["end_place"] is None

    assert "VAN device van from always" in trackflow("vehicles", "assignments", "VAN").out
    trackflow("vehicles", "driver", "VAN", "Ada", "--from", "2026-03-01T00:00:00Z")
    assert trackflow("vehicles", "undo-driver", "VAN").code == 1
    assert trackflow("vehicles", "undo-driver", "VAN", "--from", "2026-03-01T00:00:00Z").code == 0
    assert trackflow("vehicles", "undo-device", "CAR", "car").code == 0
    found = json.loads(trackflow("vehicles", "assignments", "--json").out)
    assert [one["name"] for one in found["devices"]] == ["van"]
    assert found["drivers"] == []
    trackflow("logbook", "join", "van", "2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z")
    assert [
        one["device_id"] for one in json.loads(trackflow("logbook", "joins", "--json").out)
    ] == ["van"]
    assert "2026-03-01T00:00:00+00:00" in trackflow("logbook", "joins").out


def test_what_is_left_out_is_listed_with_why(trackflow: Run) -> None:
    trackflow("run")
    assert trackflow("logbook", "left-out").out.startswith("Nothing is left out")
    trackflow("device", "van", "--preset", "phone")
    times = ("2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z")
    assert trackflow("legs", "correct", "van", *times, "train", "--by", "Ada").code == 0
    trackflow("run")
    assert entries(trackflow, "VAN") == []
    listed = trackflow("logbook", "left-out").out
    assert "VAN van 2026-03-02T12:00 to 12:16" in listed
    assert "train, as Ada said" in listed
    (row,) = json.loads(trackflow("logbook", "left-out", "--month", "2026-03", "--json").out)
    assert (row["vehicle_id"], row["device_id"], row["mode"]) == ("VAN", "van", "train")
    assert (row["reason"], row["said_by"], row["local_day"]) == ("said", "Ada", "2026-03-02")
    assert row["track_id"] in listed
    for days in (("--month", "2026-04"), ("--to", "2026-03-01"), ("--vehicle", "CAR")):
        assert json.loads(trackflow("logbook", "left-out", *days, "--json").out) == []
    assert trackflow("logbook", "left-out", "--from", "2026-03-02", "--to", "2026-03-01").code == 1
    assert trackflow("logbook", "left-out", "--vehicle", "nobody").code == 1

    trackflow("vehicles", "add", "VAN", "--kind", "bicycle")
    slow = batch_of_device("van", drive(NOON + dt.timedelta(days=1), 60, lat=60.2))
    slow.time_us[:] = slow.time_us[0] + (slow.time_us - slow.time_us[0]) * 6
    with closing(open_store(Settings.from_env())) as store:
        deliver(store, slow)
    trackflow("run")
    assert "never faster than 10 km/h" in trackflow("logbook", "left-out").out


def test_of_private_trips_the_terminal_shows_kilometres_only(trackflow: Run) -> None:
    """As reports and the API do: nothing says that their driver sits there."""
    trackflow("run")
    times = ("--start", "2026-03-02T11:00:00Z", "--end", "2026-03-02T14:00:00Z")
    said = ("--category", "private", "--purpose", "Secret", "--partner", "Nobody")
    for device in ("van", "car"):
        assert trackflow("categories", "set", "--device", device, *times, *said).code == 0
    trackflow("logbook", "close", "--until", "2100-01-01T00:00:00Z")
    (closed,) = entries(trackflow, "VAN")
    trackflow("logbook", "amend", closed["entry_id"], "--purpose", "Secret 2", "--reason", "Nobody")
    trackflow("device", "car", "--preset", "phone")
    modes = ("2026-03-02T12:00:00Z", "2026-03-02T13:00:00Z", "train")
    assert trackflow("legs", "correct", "car", *modes, "--by", "Nobody").code == 0
    trackflow("run")
    for command in ("list", "left-out"):
        for form in ((), ("--json",)):
            out = trackflow("logbook", command, *form).out
            assert "private" in out
            for detail in ("Secret", "Nobody", "T12:00", "T12:16", "train"):
                assert detail not in out, (command, form)


def test_a_replaced_odometer_is_written_down(trackflow: Run, tmp_path: Path) -> None:
    trackflow("run")
    read = ("vehicles", "odometer", "VAN")
    assert trackflow(*read, "2026-03-01T12:00:00Z", "48210.5").code == 0
    refused = trackflow(*read, "2026-03-02T06:00:00Z", "12")
    assert (refused.code, "--replaced" in refused.err) == (1, True)
    assert "48,210.5 km at 2026-03-01 12:00" in refused.err
    assert trackflow(*read, "2026-03-02T06:00:00Z", "12", "--replaced").code == 0
    assert trackflow(*read, "2026-03-03T06:00:00Z", "11").code == 1
    (entry,) = entries(trackflow, "VAN")
    assert entry["now"]["odometer_start_m"] == 12_000
    assert trackflow("logbook", "verify").code == 0
    driven_km = 12 + entry["now"]["distance_m"] / 1000
    assert trackflow(*read, "2026-03-03T06:00:00Z", f"{driven_km}").code == 0
    trackflow("logbook", "export", "2026-03", "--vehicle", "VAN", "--out", str(tmp_path / "out"))
    (path,) = (tmp_path / "out").glob("logbook-VAN-*.md")
    assert "Kilometres that no trip explains | 0.000" in path.read_text()
