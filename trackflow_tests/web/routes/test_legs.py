"""Legs and corrections over HTTP; the client checks each answer against OpenAPI."""

from collections.abc import Iterator

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

LEGS = "/api/v1/legs"
CORRECTIONS = f"{LEGS}/corrections"
WANTED = {
    "device_id": "van",
    "start_time": "2026-03-02T12:00:00Z",
    "end_time": "2026-03-02T12:10:00Z",
    "mode": "bus",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with open_context("", tmp_path_factory.mktemp("legs")) as opened:
        for device in ("van", "car"):
            deliver(opened.store, batch_of_device(device, drive(NOON, 100)))
        run(opened)
        follow_tracks(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def modes(api: httpx.Client, device: str) -> list[tuple[str, str]]:
    legs = api.get(LEGS, params={"device": device}).json()["legs"]
    assert {leg["device_id"] for leg in legs} == {device}
    return [(leg["mode"], leg["decided_by"]) for leg in legs]


def test_a_mode_is_corrected_and_the_correction_taken_back(api: httpx.Client) -> None:
    before = modes(api, "van"), modes(api, "car")
    assert all(by == "model" for of_device in before for _, by in of_device)
    made = api.post(CORRECTIONS, json=WANTED)
    assert made.status_code == 200, made.text
    assert modes(api, "van")[0] == ("bus", "person")
    assert modes(api, "car") == before[1]
    listed = api.get(CORRECTIONS, params={"device": "van"}).json()["corrections"]
    assert [one["correction_id"] for one in listed] == [made.json()["correction_id"]]
    assert api.get(CORRECTIONS, params={"device": "car"}).json()["corrections"] == []
    undone = api.post(f"{CORRECTIONS}/{listed[0]['correction_id']}/undo")
    assert undone.json()["undone_at"] is not None
    assert (modes(api, "van"), modes(api, "car")) == before
    assert api.get(CORRECTIONS).json()["corrections"] == []
    assert len(api.get(CORRECTIONS, params={"undone": True}).json()["corrections"]) == 1


def test_corrections_are_a_file(api: httpx.Client) -> None:
    before = modes(api, "van")
    made = api.post(CORRECTIONS, json=WANTED).json()
    file = api.get(f"{CORRECTIONS}.csv", params={"device": "van"})
    assert file.headers["Content-Type"].startswith("text/csv")
    api.post(f"{CORRECTIONS}/{made['correction_id']}/undo")
    assert modes(api, "van") == before
    taken = api.post(f"{CORRECTIONS}/import", json={"csv": file.text}).json()
    assert (taken["added"], taken["refused"]) == (1, 0)
    assert modes(api, "van")[0] == ("bus", "person")
    assert api.post(f"{CORRECTIONS}/import", json={"csv": file.text}).json()["unchanged"] == 1
    for one in api.get(CORRECTIONS).json()["corrections"]:
        api.post(f"{CORRECTIONS}/{one['correction_id']}/undo")


def test_a_track_has_its_legs(api: httpx.Client) -> None:
    features = api.get("/api/v1/tracks", params={"device": "car"}).json()["features"]
    track = api.get(f"/api/v1/tracks/{features[0]['id']}").json()
    assert track["legs"] == api.get(LEGS, params={"device": "car"}).json()["legs"]
    assert track["properties"]["travel_mode"] in {leg["mode"] for leg in track["legs"]}


def test_what_makes_no_sense_is_refused(api: httpx.Client) -> None:
    backwards = {**WANTED, "end_time": WANTED["start_time"]}
    assert api.post(CORRECTIONS, json=backwards).status_code == 400
    assert api.post(CORRECTIONS, json={**WANTED, "mode": "rocket"}).status_code == 422
    assert api.post(CORRECTIONS, json={**WANTED, "device_id": "x"}).status_code in (400, 404)
    unknown = "0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69"
    assert api.post(f"{CORRECTIONS}/{unknown}/undo").status_code == 404


def test_readers_may_not_correct(api: httpx.Client, context: Context) -> None:
    """Last in the module: with a token, this machine needs one too."""
    reader = bearer(token_for(context, Scope.READ))
    assert api.post(CORRECTIONS, json=WANTED, **reader).status_code == 403
    assert api.get(LEGS, **reader).status_code == 200
