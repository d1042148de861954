"""The catalogue over the API: start a sync, watch it, read its report, undo it; and visits."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.store.catalogue.kill_switches import switched_off
from trackflow.store.catalogue.tracks import read_rows, write_rows
from trackflow.usecases.catalogue.report import read_report
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.places.visits import update_visits
from trackflow_tests.helpers.liverc_site import Site, site_with
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, open_context
from trackflow_tests.usecases.places.test_visits import DEVICE, VENUE, add_place, history
from trackflow_tests.web.meshes import made_logo

COUNT = 7

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with site_with(COUNT) as running:
        yield running


def settings_for(site: Site) -> dict[str, Any]:
    return {
        "liverc_url": f"{site.url}/ {site.url}/tracks/{{slug}}/",
        "catalogue_file": f"{site.url}/tracks.json",
        "catalogue_per_s": 1000.0,
    }


@pytest.fixture
def context(database_url: str, tmp_path: Path, site: Site) -> Iterator[Context]:
    with open_context(database_url, tmp_path, **settings_for(site)) as opened:
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def test_a_sync_from_the_first_request_to_its_undoing(context: Context, api: httpx.Client) -> None:
    answer = api.post("/api/v1/tracks/sync", json={"source": "liverc"})
    assert answer.status_code == 202
    job_id = answer.json()["job_id"]
    waiting = api.get(f"/api/v1/tracks/sync/{job_id}").json()
    assert (waiting["status"], waiting["processed"], waiting["report"]) == ("queued", 0, None)
    assert api.get("/api/v1/catalogue/sources").json()["sources"][0]["job"]["job_id"] == job_id

    run_job(context, uuid.UUID(job_id))

    done = api.get(f"/api/v1/tracks/sync/{job_id}").json()
    assert (done["status"], done["processed"], done["total"]) == ("completed", COUNT, COUNT)
    report = api.get(f"/api/v1/catalogue/reports/{job_id}")
    assert report.json() == done["report"]
    assert report.json()["added"] == COUNT
    text = api.get(f"/api/v1/catalogue/reports/{job_id}", headers={"Accept": "text/markdown"})
    assert text.headers["content-type"].startswith("text/markdown")
    assert text.text == read_report(context, uuid.UUID(job_id)).to_markdown()
    (short,) = api.get("/api/v1/catalogue/reports").json()["reports"]
    assert short["added"] == COUNT
    assert "slugs" not in short

    undone = api.post(f"/api/v1/catalogue/reports/{job_id}/undo")
    assert undone.json() == {"sync_id": job_id, "rows": COUNT}
    assert api.get("/api/v1/catalogue/tracks").json()["tracks"] == []
    again = api.post(f"/api/v1/catalogue/reports/{job_id}/undo")
    assert again.status_code == 400
    assert "undone before" in again.json()["error"]


def test_the_list_is_paged_and_searched(context: Context, api: httpx.Client, site: Site) -> None:
    _sync(context, "liverc")
    found, after = [], ""
    while after is not None:
        page = api.get("/api/v1/catalogue/tracks", params={"limit": 3, "after": after}).json()
        assert len(page["tracks"]) <= 3
        found += page["tracks"]
        after = page["next"]
    assert [t["slug"] for t in found] == sorted(site.expected())
    assert {t["coordinates_from"] for t in found} == {None}
    assert {t["mesh_id"] for t in found} == {None}
    one = found[2]
    by_name = api.get("/api/v1/catalogue/tracks", params={"text": one["slug"].upper()}).json()
    assert one in by_name["tracks"]
    none = {"text": "\0nothing%_", "active": "all"}
    assert api.get("/api/v1/catalogue/tracks", params=none).json()["tracks"] == []
    assert api.get("/api/v1/catalogue/tracks", params={"active": "no"}).json()["tracks"] == []
    _sync(context, "file")
    of_file = api.get("/api/v1/catalogue/tracks", params={"source": "file"}).json()["tracks"]
    assert {t["coordinates_from"] for t in of_file} == {"source"}


def test_a_race_track_has_all_its_fields_and_history(context: Context, api: httpx.Client) -> None:
    _sync(context, "liverc")
    listed = api.get("/api/v1/catalogue/tracks").json()["tracks"][0]
    found = api.get(f"/api/v1/catalogue/tracks/{listed['slug']}").json()
    assert found.pop("source") == "liverc"
    (added,) = found.pop("history")
    assert found == listed
    assert (added["kind"], added["fields"], added["undone_at"]) == ("added", [], None)
    row = {**listed, "phone": "+441130000000"}
    with context.store.write() as connection:
        old = read_rows(connection, "liverc")[listed["slug"]]
        new = replace(old, track=replace(old.track, phone=row["phone"]))
        write_rows(connection, "liverc", [new])
    _sync(context, "liverc")  # finds another phone
    history = api.get(f"/api/v1/catalogue/tracks/{listed['slug']}").json()["history"]
    assert [one["kind"] for one in history] == ["changed", "added"]
    change = {"field": "phone", "before": row["phone"], "after": listed["phone"]}
    assert history[0]["fields"] == [change]
    missing = api.get("/api/v1/catalogue/tracks/nowhere")
    assert missing.status_code == 404
    assert "no race track 'nowhere'" in missing.json()["error"]


@on_sqlite
def test_a_downloaded_list_can_be_a_source(
    context: Context, api: httpx.Client, tmp_path: Path
) -> None:
    _sync(context, "file")
    wanted = {"source": "file", "active": "all"}
    listed = api.get("/api/v1/catalogue/tracks", params=wanted).json()["tracks"]
    sent = api.get("/api/v1/catalogue/export", params=wanted)
    assert sent.headers["content-disposition"] == 'attachment; filename="race-tracks-file.csv"'
    again = tmp_path / "again.csv"
    again.write_bytes(sent.content)
    same = replace(context.settings, catalogue_file=str(again))
    changed = Context(same, context.store, context.clock)
    report = run_job(changed, queue_job(changed, "catalogue_sync", {"source": "file"}).job_id)
    assert report is not None
    assert report.result is not None
    assert (report.result["unchanged"], report.result["changed"]) == (len(listed), 0)
    places = api.get("/api/v1/catalogue/export", params={**wanted, "format": "geojson"}).json()
    assert [f["properties"]["slug"] for f in places["features"]] == [t["slug"] for t in listed]
    country = listed[0]["country"]
    some = api.get("/api/v1/catalogue/tracks", params={**wanted, "country": country}).json()
    assert some["tracks"] == [t for t in listed if t["country"] == country]


@on_sqlite
def test_the_kill_switch_is_thrown_and_reset(context: Context, api: httpx.Client) -> None:
    thrown = api.post("/api/v1/catalogue/sources/liverc/stop", json={"reason": "asked"})
    assert thrown.json()["switched_off"] == "asked"
    with context.store.read() as connection:
        assert switched_off(connection, thrown.json()["site"]) == "asked"
    assert api.post("/api/v1/catalogue/sources/nobody/stop").status_code == 400
    reset = api.post("/api/v1/catalogue/sources/liverc/allow")
    assert reset.json()["switched_off"] is None


def test_a_race_track_has_the_newest_mesh_of_its_logo(
    context: Context, api: httpx.Client, site: Site
) -> None:
    _sync(context, "liverc")
    first, other = sorted(site.expected())[:2]
    made_logo(context, "liverc", first)
    later = context.clock() + dt.timedelta(days=1)
    context.clock = lambda: later
    newest = made_logo(context, "liverc", first, detail_factor=0.1)
    made_logo(context, "file", other)
    tracks = api.get("/api/v1/catalogue/tracks").json()["tracks"]
    assert {t["slug"]: t["mesh_id"] for t in tracks if t["mesh_id"]} == {first: newest}


@on_sqlite
def test_what_makes_no_sense_is_refused(context: Context, api: httpx.Client) -> None:
    assert api.post("/api/v1/tracks/sync", json={"source": "nobody"}).status_code == 400
    assert api.post("/api/v1/tracks/sync", json={"sources": "liverc"}).status_code == 422
    rebuild = queue_job(context, "rebuild", {})
    for job_id in (rebuild.job_id, uuid.uuid4()):
        assert api.get(f"/api/v1/tracks/sync/{job_id}").status_code == 404
        assert api.get(f"/api/v1/catalogue/reports/{job_id}").status_code == 404
        assert api.post(f"/api/v1/catalogue/reports/{job_id}/undo").status_code == 404


@on_sqlite
def test_reading_and_changing_take_different_tokens(context: Context, api: httpx.Client) -> None:
    read, admin = bearer(token_for(context, Scope.READ)), bearer(token_for(context, Scope.ADMIN))
    wish: dict[str, Any] = {"json": {}}
    assert api.get("/api/v1/catalogue/sources", **read).status_code == 200
    assert api.get("/api/v1/visits", **read).status_code == 200
    assert api.get("/api/v1/catalogue/sources").status_code == 401
    assert api.post("/api/v1/tracks/sync", **wish, **read).status_code == 403
    assert api.post("/api/v1/tracks/sync", **wish, **admin).status_code == 202
    assert api.post("/api/v1/tracks/sync", **admin).status_code == 202  # the first source
    undo = f"/api/v1/catalogue/reports/{uuid.uuid4()}/undo"
    assert api.post(undo, **read).status_code == 403


@on_sqlite
def test_visits_and_figures(context: Context, api: httpx.Client) -> None:
    from trackflow.usecases.days import run as pipeline

    add_place(context, "venue", *VENUE)
    deliver(context.store, batch_of_device(DEVICE, history()))
    pipeline.run(context)
    update_visits(context)
    _sync(context, "liverc")
    found = api.get("/api/v1/visits", params={"device": DEVICE}).json()["features"]
    assert len(found) == 3
    first = found[0]
    assert first["geometry"] == {"type": "Point", "coordinates": list(VENUE)}
    assert first["properties"]["name"] == "Venue"
    assert first["properties"]["duration_s"] > 5 * 3600
    end = (NOON + dt.timedelta(days=1)).isoformat()
    assert api.get("/api/v1/visits", params={"to": end}).json()["features"] == [first]
    assert api.get("/api/v1/visits", params={"device": "other"}).json()["features"] == []
    told = api.get("/metrics").text
    assert f'trackflow_catalogue_tracks{{source="liverc",state="active"}} {COUNT}.0' in told
    assert 'trackflow_catalogue_sync_age_seconds{source="liverc"}' in told
    assert 'trackflow_catalogue_stage_seconds{source="liverc",stage="list"}' in told


def _sync(context: Context, source: str) -> None:
    run_job(context, queue_job(context, "catalogue_sync", {"source": source}).job_id)
