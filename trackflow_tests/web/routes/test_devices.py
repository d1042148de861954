"""Settings, presets, guesses and notices over the API."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.sources.records import Refusal, RefusalReason
from trackflow.store.access.tokens import Scope
from trackflow.tracks.presets import PRESETS
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    deliver,
    drive,
    open_context,
    statuses,
)

ODD_ID = "a/b c"
ROLLED = NOON - dt.timedelta(weeks=1024)


def mixed_drive() -> Points:
    """Two senders under one id, 15 km apart, every 5 s."""
    k = np.arange(64)
    lon = 24.9 + k * 1e-4 + (k % 2) * 0.27
    return Points.of(to_us(NOON) + k * 5_000_000, lon, np.full(64, 60.17))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("devices")
    with open_context(f"sqlite:///{folder / 'trackflow.db'}", folder) as opened:
        deliver(opened.store, batch_of_device("good", drive(NOON, 300)))
        deliver(opened.store, batch_of_device("mix", mixed_drive()))
        deliver(opened.store, batch_of_device(ODD_ID, drive(ROLLED, 200)))
        deliver(opened.store, batch_of_device(ODD_ID, drive(NOON, 200)))
        refusals = [Refusal(RefusalReason.NO_TIME, f"row {k}", "file.csv", None) for k in range(12)]
        deliver(opened.store, batch_of_device("good", drive(NOON, 1)), refusals)
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def ask(api: httpx.Client, path: str, **params: Any) -> dict[str, Any]:
    answer = api.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kinds(found: dict[str, Any]) -> dict[str | None, str]:
    return {notice["device_id"]: notice["kind"] for notice in found["notices"]}


def test_notices_say_what_and_what_to_do(api: httpx.Client) -> None:
    found = ask(api, "/api/v1/notices")
    assert kinds(found) == {"mix": "mixed", ODD_ID: "rollover", None: "quarantined"}
    for notice in found["notices"]:
        assert notice["text"]
        assert notice["advice"]
        assert notice["points"] <= notice["of_points"]
    assert {one["device_id"]: one["preset"] for one in found["looks_like"]}[
        "good"
    ] == "phone"  # 4 km/h


def test_notices_of_some_devices_and_days(api: httpx.Client) -> None:
    assert kinds(ask(api, "/api/v1/notices", device="mix")) == {"mix": "mixed"}
    assert kinds(ask(api, "/api/v1/notices", device="good")) == {}
    day = NOON.date().isoformat()
    assert kinds(ask(api, "/api/v1/notices", **{"from": day, "to": day})) == {"mix": "mixed"}
    rolled = ROLLED.date().isoformat()
    assert kinds(ask(api, "/api/v1/notices", to=rolled)) == {ODD_ID: "rollover"}
    assert api.get("/api/v1/notices", params={"from": day, "to": rolled}).status_code == 400


def test_a_device_is_described(api: httpx.Client) -> None:
    found = ask(api, f"/api/v1/devices/{ODD_ID}")
    assert found["device_id"] == ODD_ID
    assert found["preset"] is None
    assert found["thresholds"] == Thresholds().as_dict()
    assert found["looks_like"]["preset"] == "vehicle"
    assert [notice["kind"] for notice in found["notices"]] == ["rollover"]
    assert api.get("/api/v1/devices/nobody").status_code == 404


def test_presets_are_listed_with_their_reasons(api: httpx.Client) -> None:
    found = ask(api, "/api/v1/presets")["presets"]
    assert list(found) == list(PRESETS)
    for name, preset in found.items():
        for threshold, change in preset["changes"].items():
            assert preset["thresholds"][threshold] == change["value"], name
            assert change["reason"]


def test_settings_change_and_its_days_are_worked_on_again(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context, running_api(context) as api:
        deliver(context.store, batch_of_device(ODD_ID, drive(NOON, 300)))
        run(context)

        def change(**values: Any) -> httpx.Response:
            return api.patch(f"/api/v1/devices/{ODD_ID}", json=values)

        changed = change(preset="sport", thresholds={"min_track_m": 70}).json()
        assert changed["preset"] == "sport"
        assert changed["thresholds"]["dwell_s"] == PRESETS["sport"].values["dwell_s"]
        assert changed["thresholds"]["min_track_m"] == 70, "own ones go first"
        assert set(statuses(context.store).values()) == {"pending"}
        run(context)
        assert change(time_zone="Europe/Helsinki").json()["time_zone"] == "Europe/Helsinki"
        assert set(statuses(context.store).values()) == {"completed"}
        back = change(preset="", thresholds={"min_track_m": None}).json()
        assert back["thresholds"] == Thresholds().as_dict()
        for wrong, status in (
            ({"preset": "boat"}, 400),
            ({"thresholds": {"gap": 3}}, 400),
            ({"thresholds": {"gap_s": -3}}, 400),
            ({"thresholds": {"silence_s": 43_200, "dwell_s": 21_600}}, 400),
            ({"profile": "boat"}, 400),
            ({"smell": "red"}, 422),
            ({"thresholds": {"gap_s": "3"}}, 422),
        ):
            assert change(**wrong).status_code == status, wrong
        assert api.patch("/api/v1/devices/nobody", json={}).status_code == 404
        assert ask(api, f"/api/v1/devices/{ODD_ID}")["thresholds"] == Thresholds().as_dict()


def test_readers_read_and_only_admins_change(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("a", drive(NOON, 30)))
        reader, admin = (bearer(token_for(context, scope)) for scope in (Scope.READ, Scope.ADMIN))
        address = "/api/v1/devices/a"
        assert api.get(address, **reader).status_code == 200
        assert api.get("/api/v1/notices", **reader).status_code == 200
        assert api.patch(address, json={"preset": "phone"}, **reader).status_code == 403
        assert api.patch(address, json={"preset": "phone"}, **admin).status_code == 200
        assert api.patch(address, json={"preset": "phone"}).status_code == 401


def test_another_id_and_one_of_two(api: httpx.Client, context: Context) -> None:
    """Ids may hold anything that can be typed, slashes and the words of routes too."""
    for name, start in (("old", 0), ("b/merge", 10)):
        deliver(context.store, batch_of_device(name, drive(NOON, 30, lon=20 + start)))
    moved = api.post("/api/v1/devices/old/rename", json={"new_id": "a/rename"})
    assert moved.json() == {"device_id": "old", "into": "a/rename", "points": 30}
    merging = "/api/v1/devices/a%2Frename/merge"
    preview = api.post(merging, json={"into": "b/merge", "dry_run": True}).json()
    assert (preview["points"], preview["shared_moments"]) == (30, 30)
    assert api.get("/api/v1/devices/a%2Frename").status_code == 200, "a preview moves nothing"
    assert api.post(merging, json={"into": "b/merge"}).json()["points"] == 30
    for path, body, status in (
        (merging, {"into": "b/merge"}, 404),
        ("/api/v1/devices/b%2Fmerge/merge", {"into": "b/merge"}, 400),
        ("/api/v1/devices/b%2Fmerge/merge", {"into": "nobody", "dry_run": True}, 400),
        ("/api/v1/devices/b%2Fmerge/rename", {"new_id": "good"}, 400),
        ("/api/v1/devices/b%2Fmerge/rename", {"new_id": ""}, 400),
        ("/api/v1/devices/b%2Fmerge/rename", {}, 422),
    ):
        assert api.post(path, json=body).status_code == status, (path, body)
