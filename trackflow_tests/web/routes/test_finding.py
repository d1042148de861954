"""Search and tracks by where they went, over the API; on both databases."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import shapely

from trackflow.context import Context
from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.usecases.days.naming import name_track
from trackflow.usecases.days.run import run
from trackflow.usecases.intake.hiding import hide_points
from trackflow.usecases.places.editing import PlaceDraft, add_place
from trackflow.usecases.queries import passing
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    deliver,
    drive,
    open_context,
)

EVERY_S = 10
STEP_DEGREES = 2e-4


@pytest.fixture(scope="module")
def context(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Context]:
    """A van that drives east in Helsinki at noon and comes back, and a boat over the 180th."""
    home = tmp_path_factory.mktemp("finding")
    with open_context(shared_database_url, home) as opened:
        there = drive(NOON, 100)
        back_us = to_us(NOON + dt.timedelta(minutes=17)) + np.arange(100) * EVERY_S * 1_000_000
        back = Points.of(back_us, there.lon[::-1], there.lat + 4e-4)
        deliver(opened.store, batch_of_device("van-7", Points.concat([there, back])))
        lon = (np.linspace(179.98, 180.02, 100) + 180) % 360 - 180
        deliver(
            opened.store,
            batch_of_device("boat", Points.of(there.time_us, lon, np.full(100, -16.5))),
        )
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def through(api: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """The tracks of all pages, one by one."""
    found, cursor = [], None
    while True:
        given = query | ({"cursor": cursor} if cursor else {})
        answer = api.get("/api/v1/tracks/through", params={"limit": 1, **given})
        assert answer.status_code == 200, answer.text
        found += answer.json()["tracks"]
        cursor = answer.json()["next"]
        if cursor is None:
            return found


def test_when_was_i_here_is_answered_to_the_second(api: httpx.Client) -> None:
    """The van passes a place 50 steps on, and a second time on its way back."""
    lon = 24.94 + 50.25 * STEP_DEGREES
    (track,) = through(api, near=f"{lon},60.17", radius_m=1, line="raw")
    there = NOON + dt.timedelta(seconds=502.5)
    assert (
        abs(dt.datetime.fromisoformat(track["first_there"]) - there).total_seconds() < 1
    )  # of a circle of a metre, at walking pace
    assert track["passes"] == 1
    (track,) = through(api, near=f"{lon},60.1702", radius_m=60, line="raw")
    assert track["passes"] == 2
    # 22 m beside the middle a circle of 60 m is 56 m wide on either side: 50 s at that pace
    last = NOON + dt.timedelta(minutes=17, seconds=(99 - 50.25) * EVERY_S + 50.4)
    assert abs(dt.datetime.fromisoformat(track["last_there"]) - last).total_seconds() < 1


def test_a_box_between_two_points_is_met(api: httpx.Client) -> None:
    west = 24.94 + 50.4 * STEP_DEGREES
    box = f"{west},60.1699,{west + 0.1 * STEP_DEGREES},60.1701"
    assert [track["device_id"] for track in through(api, bbox=box)] == ["van-7"]
    beside = f"{west},60.1701,{west + 0.1 * STEP_DEGREES},60.1703"
    assert through(api, bbox=beside) == []


def test_a_box_over_the_antimeridian_is_met(api: httpx.Client) -> None:
    assert [t["device_id"] for t in through(api, bbox="179.999,-17,-179.999,-16")] == ["boat"]
    assert [t["device_id"] for t in through(api, bbox="179.999,-17,180.001,-16")] == ["boat"]
    assert through(api, bbox="179.999,-16,-179.999,-15") == []
    assert [t["device_id"] for t in through(api, near="180,-16.5", radius_m=5)] == ["boat"]


def test_it_equals_looking_at_every_line(api: httpx.Client) -> None:
    tracks = api.get("/api/v1/tracks", params={"line": "raw", "device": "van-7"}).json()
    lines = [shapely.from_geojson(str(f["geometry"]).replace("'", '"')) for f in tracks["features"]]
    chance = np.random.default_rng(7)
    for west, south in chance.uniform((24.935, 60.168), (24.965, 60.173), (30, 2)).tolist():
        east, north = west + 0.0005, south + 0.0005
        found = through(api, bbox=f"{west},{south},{east},{north}", line="raw")
        meets = [line.intersects(shapely.box(west, south, east, north)) for line in lines]
        assert len(found) == sum(meets)


def test_all_pages_together_are_all_tracks_however_little_one_looks_at(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = {"bbox": "-180,-90,180,90"}
    every = [track["track_id"] for track in through(api, **world)]
    monkeypatch.setattr(passing, "CANDIDATES", 1)
    monkeypatch.setattr(passing, "MOST_CANDIDATES", 1)
    assert [track["track_id"] for track in through(api, **world)] == every
    assert len(every) == len(set(every)) >= 2


@pytest.mark.parametrize(
    "query",
    [{}, {"bbox": "1,2,3"}, {"near": "1"}, {"near": "1,95"}, {"near": "1,2", "bbox": "1,2,3,4"},
     {"bbox": "nan,1,2,3"}, {"near": "1,2", "radius_m": "-1"}, {"bbox": "1,2,3,4", "cursor": "x"}],
)  # fmt: skip
def test_nonsense_is_refused(api: httpx.Client, query: dict[str, str]) -> None:
    assert api.get("/api/v1/tracks/through", params=query).status_code in (400, 422)


def test_ends_are_places_then_towns(api: httpx.Client, context: Context) -> None:
    draft = PlaceDraft("Depot", "work", 24.94, 60.17, 80.0, "van-7")
    add_place(context, draft, "ada")
    page = api.get("/api/v1/tracks/ends", params={"device": "van-7"}).json()["tracks"]
    assert page[0]["start"] == {"name": "Depot", "kind": "place"}
    assert page[-1]["end"]["name"] in ("Depot", "Helsinki")
    (boat,) = api.get("/api/v1/tracks/ends", params={"device": "boat"}).json()["tracks"]
    assert boat["start"] is None


def test_a_profile_is_the_points_of_the_track(api: httpx.Client) -> None:
    page = api.get("/api/v1/tracks", params={"line": "raw", "device": "van-7"}).json()["features"]
    track = page[0]
    profile = api.get(f"/api/v1/tracks/{track['id']}/profile").json()
    assert len(profile["times"]) == track["properties"]["point_count"]
    assert profile["speed_kmh"][0] is None
    assert abs(profile["speed_kmh"][20] - 4) < 0.1
    drawn = np.column_stack([profile["longitudes"], profile["latitudes"]])
    assert np.allclose(drawn, track["geometry"]["coordinates"], atol=1e-5)
    assert all(len(v) == len(drawn) for v in profile.values() if isinstance(v, list))
    unknown = "7d7e2b86-56d5-5f0e-8f39-0c6f6a3b5a11"
    assert api.get(f"/api/v1/tracks/{unknown}/profile").status_code == 404


def find(api: httpx.Client, text: str, **more: Any) -> dict[str, list[dict[str, Any]]]:
    answer = api.get("/api/v1/find", params={"q": text, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, list[dict[str, Any]]] = answer.json()
    return found


def test_things_are_found_by_part_of_their_names(api: httpx.Client, context: Context) -> None:
    track_id = through(api, bbox="24.9,60.1,25,60.2")[0]["track_id"]
    name_track(context, uuid.UUID(track_id), name="Äpfel for the market", note="", decided_by="ada")
    assert [one["id"] for one in find(api, "VAN")["devices"]] == ["van-7"]
    assert [one["id"] for one in find(api, "apfel mar")["tracks"]] == [track_id]
    town = find(api, "helsinki")["towns"][0]
    assert (town["name"], town["about"]) == ("Helsinki", "FI")
    place = PlaceDraft("Depot🚌 2", "work", 24.94, 60.17)
    add_place(context, place, "ada")
    assert [one["name"] for one in find(api, "🚌")["places"]] == ["Depot🚌 2"]
    assert find(api, "🚌")["towns"] == find(api, "🚲")["places"] == []
    assert find(api, "  ") == {k: [] for k in find(api, "  ")}
    assert find(api, "\x00%_'") is not None


def test_the_nearest_of_equal_names_comes_first(api: httpx.Client) -> None:
    here, there = find(api, "san jose", near="-121.9,37.3"), find(api, "san jose", near="-84,9.9")
    assert here["towns"][0] != there["towns"][0] or here == there


def test_days_are_those_of_the_stated_zone(api: httpx.Client) -> None:
    (spot,) = find(api, "60.1699, 24.9384")["positions"]
    assert (spot["position"], spot["about"]) == ([24.9384, 60.1699], "Helsinki")
    (day,) = find(api, "2026-03-02")["days"]
    assert (day["first_day"], day["last_day"]) == ("2026-03-02", "2026-03-02")
    assert through(
        api, bbox="24.9,60.1,25,60.2", **{"from": day["start_time"], "to": day["end_time"]}
    )


def test_what_is_hidden_is_not_found(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path / "home") as context:
        deliver(context.store, batch_of_device("van-7", drive(NOON, 100)))
        run(context)
        box = Bbox(24.945, 60.16, 24.95, 60.18)
        wanted = passing.PassingQuery(box, None, passing.TimeRange(NOON, NOON + dt.timedelta(1)))
        assert len(passing.read_passing(context, wanted).tracks) == 1
        hide_points(context, "van-7", None, None, box, hidden_by="ada")
        run(context)
        inner = wanted.__class__(Bbox(24.9451, 60.16, 24.9499, 60.18), None, wanted.when)
        assert passing.read_passing(context, inner).tracks == []
