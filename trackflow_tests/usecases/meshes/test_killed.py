"""A worker that is killed before any of its commits: the next one comes to the same end.

The state of the store changes only at commits, so being killed before the n-th, for every n, is
being killed at every moment that makes a difference. Files are written between commits.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import Any

import pytest

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.store.jobs import jobs
from trackflow.usecases.jobs.control import read_job, waiting_jobs
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import batching, sync, tools
from trackflow.usecases.meshes.cleanup import clean_all
from trackflow.usecases.meshes.control import read_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh, save_image
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow_tests.helpers.stores import Clock, contents, empty, settings_of
from trackflow_tests.helpers.workers import At, ended, go_on, is_stopped, worker
from trackflow_tests.meshes.inline import InlineGenerator
from trackflow_tests.usecases.meshes.pictures import hills

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mesh-kills")]

LEASE_S = 20.0
PROGRAMS = 40
"""More commits than any of these tasks has."""

HOW_IT_WENT = {
    "epoch", "tries", "error_message", "error_kind", "seconds", "created_at", "started_at",
    "finished_at", "retired_at", "next_try_at", "last_seen_at", "first_seen_at", "fetched_at",
    "peak_memory_bytes", "batch_id", "month", "modified_at",
}  # fmt: skip
"""Columns that tell how the work went and not what came out."""


class TickingClock(Clock):
    """Goes on by a second each time that it is looked at: jobs wait for rests to be over."""

    def __call__(self) -> dt.datetime:
        self.time += dt.timedelta(seconds=1)
        return self.time


@dataclass
class Scene:
    url: str
    home: Path
    clock: Clock = field(default_factory=TickingClock)

    @property
    def settings(self) -> Settings:
        return settings_of(
            self.url,
            self.home,
            lease_s=LEASE_S,
            mesh_workers=1,
            mesh_inbox=self.home / "inbox",
        )

    def opened(self) -> Context:
        return Context.open(self.settings, self.clock)

    def later(self, seconds: float = 3 * jobs.SILENT_AFTER_S) -> None:
        self.clock.time += dt.timedelta(seconds=seconds)


@pytest.fixture
def scene(database_url: str, tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "inbox").mkdir()
    return Scene(database_url, tmp_path)  # type: ignore[return-value]


def make_due(context: Context) -> None:
    run_due_meshes(context, InlineGenerator())


def clean(context: Context) -> None:
    clean_all(context)


def run_mesh_jobs(context: Context) -> None:
    """Run all jobs that wait, with the generator in this process: children would outlive it."""
    batching.CHECK_EVERY_S = 0.01
    for module in (batching, sync):
        module.opened_tools = _inline_tools  # type: ignore[attr-defined]
    for job in waiting_jobs(context):
        run_job(context, job.job_id)


def _inline_tools(context: Context) -> Any:
    from contextlib import nullcontext

    return nullcontext(MeshTools(InlineGenerator(), storage_of(context.settings)))


def end_state(context: Context) -> dict[str, list[dict[str, Any]]]:
    tables = contents(
        context.store, "meshes", "mesh_files", "mesh_images", "mesh_batches", "mesh_usage"
    )
    ids = {row["mesh_id"]: f"{row['image_key']} {row['parameters']}" for row in tables["meshes"]}
    found = {}
    for name, rows in tables.items():
        plain = [{k: v for k, v in row.items() if k not in HOW_IT_WENT} for row in rows]
        for row in plain:
            if "mesh_id" in row:
                row["mesh_id"] = ids[row["mesh_id"]]
            if "gone_at" in row:
                row["gone_at"] = row["gone_at"] is not None
        found[name] = sorted(plain, key=repr)
    stored = {file.name for file in storage_of(context.settings).files()}
    assert {row["stored_name"] for row in tables["mesh_files"]} <= stored
    return found


def fresh(context: Context) -> None:
    empty(context.store)
    for file in list(storage_of(context.settings).files()):
        storage_of(context.settings).delete(file.name)


def killed_everywhere(scene: Scene, set_up: Any, task: Any, at_most: int = PROGRAMS) -> int:
    """Kill a worker before each of its commits in turn; returns how many there were."""
    with scene.opened() as context:
        set_up(context)
        task(context)
        expected = end_state(context)
        # PostgreSQL gets a third of them, for time
        for killed in range(0, at_most, 3 if context.store.is_postgresql else 1):
            fresh(context)
            set_up(context)
            context.store.engine.dispose()
            with worker(
                scene.settings, scene.clock(), task, at=At(killed + 1, "commit", SIGKILL)
            ) as process:
                code = ended(process)
            if code == 0:
                return killed
            assert code == -SIGKILL
            for _ in range(2):  # leases end, rests are over
                scene.later()
                task(context)
            assert end_state(context) == expected, f"killed before commit {killed + 1}"
    raise AssertionError("it has more commits than that")


def test_meshes_that_persons_wait_for(scene: Scene) -> None:
    def set_up(context: Context) -> None:
        request_mesh(context, MeshRequest(image=hills(1), name="good.png"))
        request_mesh(context, MeshRequest(image=b"nonsense", name="bad.png"))

    assert killed_everywhere(scene, set_up, make_due) >= 6


def test_a_batch(scene: Scene) -> None:
    def set_up(context: Context) -> None:
        key = save_image(context, MeshRequest(image=hills(1), name="a.png"))
        queue_job(context, "mesh_batch", {"images": [key]})

    assert killed_everywhere(scene, set_up, run_mesh_jobs) >= 8


def test_a_sync(scene: Scene) -> None:
    inbox = scene.home / "inbox"

    def set_up(context: Context) -> None:
        (inbox / "new.png").write_bytes(hills(1))
        (inbox / "old.png").write_bytes(hills(2))
        scene.later(60)
        queue_job(context, "mesh_sync", {})
        run_mesh_jobs(context)
        (inbox / "old.png").unlink()
        (inbox / "new.png").write_bytes(hills(3))
        scene.later(60)
        queue_job(context, "mesh_sync", {})

    assert killed_everywhere(scene, set_up, run_mesh_jobs) >= 8


def test_a_cleanup(scene: Scene) -> None:
    def set_up(context: Context) -> None:
        good = request_mesh(context, MeshRequest(image=hills(1), name="a.png"))
        bad = request_mesh(context, MeshRequest(image=b"bad", name="bad.png"))
        make_due(context)
        assert read_mesh(context, good.mesh_id).report
        assert read_mesh(context, bad.mesh_id).error_message
        scene.later(30 * 86_400)

    assert killed_everywhere(scene, set_up, clean) >= 1


def test_a_worker_that_was_taken_over_changes_nothing(scene: Scene) -> None:
    with scene.opened() as context:
        mesh_id = request_mesh(context, MeshRequest(image=hills(1), name="a.png")).mesh_id
        context.store.engine.dispose()
        # stopped when its result is about to be published
        at = At(4, "begin", SIGSTOP)
        with worker(scene.settings, scene.clock(), make_due, at=at) as process:
            assert is_stopped(process)
            scene.later(2 * LEASE_S)
            for _ in range(2):
                make_due(context)
                scene.later(60)
            before = end_state(context)
            epoch = read_mesh(context, mesh_id).epoch
            assert read_mesh(context, mesh_id).status == "completed"
            go_on(process)
            assert ended(process) == 0
        assert end_state(context) == before
        assert read_mesh(context, mesh_id).epoch == epoch


def test_a_job_is_not_run_twice_after_its_end(scene: Scene) -> None:
    with scene.opened() as context:
        key = save_image(context, MeshRequest(image=hills(1), name="a.png"))
        job = queue_job(context, "mesh_batch", {"images": [key]})
        run_mesh_jobs(context)
        assert read_job(context, job.job_id).status == "completed"
        assert waiting_jobs(context) == []
        assert tools.storage_of(context.settings) is not None
