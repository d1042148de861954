"""Jobs over HTTP: asked for, watched, stopped, taken up again."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs.kinds import run_job
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

DAY = NOON.date().isoformat()
FIELDS = {
    "job_id", "kind", "status", "total", "completed", "failed", "message", "seconds_left",
    "parameters", "result", "error", "created_at", "started_at", "finished_at", "heartbeat_at",
}  # fmt: skip


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context("", tmp_path) as opened:
        deliver(opened.store, batch_of_device("van", drive(NOON, 100)))
        run(opened)
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def test_a_job_from_wish_to_result(context: Context, api: httpx.Client) -> None:
    wish = {"kind": "rebuild", "from": DAY, "to": DAY, "device": "van"}
    asked = api.post("/api/v1/jobs", json=wish)
    assert asked.status_code == 202
    job = asked.json()
    assert job.keys() >= FIELDS
    assert job["status"] == "queued"
    assert job["parameters"] == {"from": DAY, "to": DAY, "device": "van"}
    address = f"/api/v1/jobs/{job['job_id']}"
    shown = api.get(address)
    assert shown.json() == job
    known = {"If-None-Match": shown.headers["ETag"]}
    assert api.get(address, headers=known).status_code == 304

    assert api.post(f"{address}/cancel").json()["status"] == "cancelled"
    assert api.post(f"{address}/cancel").json()["status"] == "cancelled"
    assert api.post(f"{address}/resume").json()["status"] == "queued"
    run_job(context, UUID(job["job_id"]))
    done = api.get(address, headers=known)
    assert done.status_code == 200
    assert (done.json()["status"], done.json()["completed"], done.json()["total"]) == (
        "completed", 1, 1,
    )  # fmt: skip
    assert done.json()["finished_at"].endswith("Z")
    assert api.get("/api/v1/jobs").json() == {"jobs": [done.json()]}
    assert api.post(f"{address}/cancel").json() == done.json(), "it has ended"
    refused = api.post(f"{address}/resume")
    assert refused.status_code == 400
    assert "start a new one" in refused.json()["error"]


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"kind": "paint"}, 400),
        ({"kind": "rebuild", "device": "nobody's"}, 400),
        ({"kind": "rebuild", "from": "2026-02-01", "to": "2026-01-01"}, 400),
        ({"kind": "rebuild", "from": "soon"}, 422),
        ({"kind": "rebuild", "form": "2026-02-01"}, 422),
        ({}, 422),
    ],
)
def test_wishes_that_make_no_sense(api: httpx.Client, wish: dict, status: int) -> None:
    assert api.post("/api/v1/jobs", json=wish).status_code == status
    assert api.get("/api/v1/jobs").json() == {"jobs": []}


def test_jobs_that_are_not_there(api: httpx.Client) -> None:
    assert api.get(f"/api/v1/jobs/{uuid4()}").status_code == 404
    for verb in ("cancel", "resume"):
        assert api.post(f"/api/v1/jobs/{uuid4()}/{verb}").status_code == 404
    assert api.get("/api/v1/jobs/1").status_code == 422


def test_readers_may_watch_and_only_admins_may_ask(context: Context, api: httpx.Client) -> None:
    job_id = api.post("/api/v1/jobs", json={"kind": "rebuild"}).json()["job_id"]
    reader, admin = (bearer(token_for(context, s)) for s in (Scope.READ, Scope.ADMIN))
    assert api.get("/api/v1/jobs", **reader).status_code == 200
    assert api.get(f"/api/v1/jobs/{job_id}", **reader).status_code == 200
    for verb in ("cancel", "resume"):
        assert api.post(f"/api/v1/jobs/{job_id}/{verb}", **reader).status_code == 403
        assert api.post(f"/api/v1/jobs/{job_id}/{verb}", **admin).status_code == 200
    wish = {"json": {"kind": "rebuild"}}
    assert api.post("/api/v1/jobs", **reader, **wish).status_code == 403
    assert api.post("/api/v1/jobs", **admin, **wish).status_code == 202
