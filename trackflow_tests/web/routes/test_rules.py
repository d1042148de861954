"""Rules, decisions and what-if over HTTP; the client checks each answer against OpenAPI."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage.fleet import put_device, save_vehicle
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

TOML = '[[rules]]\nname = "All"\ncategory = "business"\nrate = "eu"\n[rules.when]\n'
TABLES = {"rules": [{"name": "All", "category": "business", "when": {"weekday": "mon"}}]}
RANGE = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with open_context("", tmp_path_factory.mktemp("rules")) as opened:
        for device in ("van", "car"):
            deliver(opened.store, batch_of_device(device, drive(NOON, 100)))
        run(opened)
        update_between(opened, None, None, None)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def post(api: httpx.Client, path: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = api.post(f"/api/v1{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def categories(api: httpx.Client) -> list[str | None]:
    rows = api.get("/api/v1/categories").json()["categories"]
    return [row["category"] for row in sorted(rows, key=lambda row: row["device_id"])]


def logbook(api: httpx.Client) -> list[str | None]:
    entries = api.get("/api/v1/logbook").json()["entries"]
    return [one["content"]["category"] for one in entries]


def test_from_a_draft_to_the_past_and_back(api: httpx.Client, context: Context) -> None:
    save_vehicle(context, "V")
    device_id = api.get("/api/v1/categories").json()["categories"][0]["device_id"]
    put_device(context, "V", device_id)
    follow_tracks(context)
    assert logbook(api) == [None]
    found = post(api, "/rules/preview", {"toml": TOML, **RANGE, "limit": 1})
    assert (found["tracks"], found["changed"], len(found["changes"])) == (2, 2, 1)
    assert [one["tracks_after"] for one in found["sums"]] == [0, 2]
    saved = post(api, "/rules", {"toml": TOML, "comment": "first"})
    assert (saved["version"], saved["is_new"]) == (1, True)
    assert not post(api, "/rules", {"toml": TOML})["is_new"]
    assert categories(api) == [None, None]
    used = post(api, "/rules/apply", {"version": 1, **RANGE})
    assert (used["changed"], used["use"]["used_by"]) == (2, "this machine")
    assert categories(api) == ["business", "business"]
    assert logbook(api) == ["business"], "the book follows at once"
    tracks = api.get("/api/v1/tracks").json()["features"]
    assert {track["properties"]["category"] for track in tracks} == {"business"}
    shown = api.get("/api/v1/rules").json()
    assert shown["rules"][0]["rate"] == "eu"
    assert post(api, "/rules", {"toml": shown["toml"]})["is_new"] is False
    assert post(api, "/rules", TABLES | {"made_from": 1})["version"] == 2
    late = api.post("/api/v1/rules", json={"toml": TOML, "made_from": 1})
    assert late.status_code == 409, "somebody else has saved version 2 meanwhile"
    assert "version 2" in late.text
    assert api.get("/api/v1/rules", params={"version": 1}).json() == shown
    history = api.get("/api/v1/rules/history").json()
    assert [one["version"] for one in history["versions"]] == [2, 1]
    assert post(api, "/rules/undo", {"use_no": used["use"]["use_no"]})["changed"] == 2
    assert categories(api) == [None, None]
    assert logbook(api) == [None]


def test_a_rate_that_the_table_lacks_is_told_wherever_rules_or_rates_are_given(
    api: httpx.Client,
) -> None:
    def told() -> list[list[str]]:
        answers = [
            post(api, "/rules/preview", {"toml": TOML}),
            post(api, "/rules", {"toml": TOML}),
        ]
        in_use = api.get("/api/v1/rates").json()["missing"]
        return [*(one["missing_rates"] for one in answers), in_use]

    rate = '[[rate]]\nid = "eu"\nfrom = 2026-01-01\ncurrency = "EUR"\nunit = "km"\namount = "0.3"'
    assert told() == [["eu"]] * 3, "its trips are paid nothing"
    assert api.put("/api/v1/rates", json={"toml": rate}).json()["missing"] == []
    assert told() == [[]] * 3
    assert api.put("/api/v1/rates", json={"toml": ""}).json()["missing"] == ["eu"]
    post(api, "/rules", TABLES)


def test_a_hand_on_a_track(api: httpx.Client) -> None:
    page = api.get("/api/v1/categories", params={"limit": 1}).json()
    rest = api.get("/api/v1/categories", params={"cursor": page["next"]}).json()
    track, other = page["categories"][0], rest["categories"][0]
    assert rest["next"] is None
    body = {"track_id": track["track_id"], "category": "race", "purpose": "Final"}
    made = post(api, "/categories/decisions", body)
    assert made["changed"] == 1
    timed = {key: other[key] for key in ("device_id", "start_time", "end_time")}
    post(api, "/categories/decisions", {**timed, "partner": "Smith"})
    rows = {row["track_id"]: row for row in api.get("/api/v1/categories").json()["categories"]}
    decision_id = made["decision"]["decision_id"]
    assert rows[track["track_id"]]["origins"]["purpose"] == ["person", decision_id]
    assert rows[other["track_id"]]["partner"] == "Smith"
    listed = api.get("/api/v1/categories/decisions").json()["decisions"]
    assert len(listed) == 2
    draft = api.get(f"/api/v1/rules/from-track/{track['track_id']}").json()
    assert draft["rules"][0]["purpose"] == "Final"
    assert post(api, f"/categories/decisions/{decision_id}/undo", {})["changed"] == 1
    assert len(api.get("/api/v1/categories/decisions").json()["decisions"]) == 1
    undone = api.get("/api/v1/categories/decisions", params={"undone": True}).json()
    assert len(undone["decisions"]) == 2


def test_what_if(api: httpx.Client) -> None:
    days = {"from": "2026-03-02", "to": "2026-03-02"}
    body = {"device_id": "van", **days, "thresholds": {"gap_s": 5, "silence_s": 5}}
    found = post(api, "/what-if", body)
    assert (found["tracks_before"], found["tracks_after"]) == (1, 0)
    assert found["changes"][0]["kind"] == "removed"
    same = post(api, "/what-if", {"device_id": "van", **days, "preset": "vehicle"})
    assert same["counts"] == {"same": 1}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/rules", {"toml": "[[rules]]"}, 400),
        ("/rules", {}, 400),
        ("/rules", {"toml": TOML, "rules": []}, 400),
        ("/rules", {"toml": TOML, "comment": "\0"}, 400),
        ("/rules", {"rule": []}, 422),
        ("/rules/preview", {"toml": TOML, "limit": 10**6}, 422),
        ("/rules/apply", {"version": 99, **RANGE}, 404),
        ("/rules/apply", {"version": 1, "from": RANGE["to"], "to": RANGE["from"]}, 400),
        ("/rules/undo", {"use_no": 99}, 404),
        ("/categories/decisions", {"category": "a"}, 400),
        ("/categories/decisions", {"track_id": "0" * 32, "category": "a"}, 404),
        ("/categories/decisions", {"track_id": "0" * 32, "device_id": "van"}, 400),
        ("/what-if", {"device_id": "x", "from": "2026-03-02", "to": "2026-03-02",
                      "thresholds": {"gap_s": 9}}, 400),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    api: httpx.Client, path: str, body: dict[str, Any], status: int
) -> None:
    assert post(api, path, body, status)


def test_times_beyond_all_calendars_are_no_limit(api: httpx.Client) -> None:
    body = {"toml": TOML, "from": "0001-01-01T00:00:00+01:00", "to": "9999-12-31T23:59:59-01:00"}
    assert post(api, "/rules/preview", body)["tracks"] == 2


def test_changes_need_the_scope_admin(context: Context, api: httpx.Client) -> None:
    """Last in the module: with a token, this machine needs one too."""
    reader = bearer(token_for(context, Scope.READ))
    assert api.get("/api/v1/rules", **reader).status_code == 200
    assert api.post("/api/v1/rules/preview", json={"toml": TOML}, **reader).status_code == 200
    for path in ("/rules", "/rules/apply", "/rules/undo", "/categories/decisions"):
        assert api.post(f"/api/v1{path}", json={}, **reader).status_code == 403, path
    admin = bearer(token_for(context, Scope.ADMIN))
    body = {
        "device_id": "van",
        "start_time": RANGE["from"],
        "end_time": RANGE["to"],
        "category": "a",
    }
    made = api.post("/api/v1/categories/decisions", json=body, **admin).json()
    assert made["decision"]["decided_by"] == "test", "the token's name"
