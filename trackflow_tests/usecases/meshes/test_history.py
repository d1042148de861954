"""What has become of meshes is read completely and in order, on both databases."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import SourceUnavailableError
from trackflow.store.meshes.tables import meshes
from trackflow.usecases.jobs.control import JobStatus, read_job
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import history, stopping
from trackflow.usecases.meshes.control import MeshStatus, list_meshes, read_file, read_mesh
from trackflow.usecases.meshes.history import BEGINNING, deleted_of, mesh_changes, preview_of
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh, save_image
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.stopping import stop_batch_here
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow.usecases.meshes.waiting import waiting_work
from trackflow_tests.helpers.stores import Clock
from trackflow_tests.helpers.waiting import PATIENCE_S
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills


def ask(context: Context, seed: int) -> str:
    return request_mesh(context, MeshRequest(image=hills(seed), name=f"{seed}.png")).mesh_id


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_every_mesh_is_given_whatever_the_size_of_a_page(
    context: Context, clock: Clock, limit: int
) -> None:
    """Five of them end in the same moment, as those of a cancelled batch do."""
    asked = {ask(context, seed) for seed in range(6)}
    run_due_meshes(context, TroubledGenerator())
    with context.store.write() as connection:
        same = meshes.c.mesh_id != min(asked)
        connection.execute(sa.update(meshes).where(same).values(finished_at=context.clock()))
    clock.advance(3600)

    seen: list[str] = []
    position = BEGINNING
    for _ in range(8):
        changes = mesh_changes(context, position, limit)
        seen += [mesh.mesh_id for mesh in changes.ended]
        position = changes.until
    assert len(seen) == len(asked)
    assert set(seen) == asked


def test_what_has_just_ended_is_left_to_its_run_and_not_forgotten(
    context: Context, clock: Clock
) -> None:
    mesh_id = ask(context, 1)
    run_due_meshes(context, TroubledGenerator())
    fresh = mesh_changes(context, BEGINNING, 10)
    assert fresh.ended == []
    clock.advance(history.GRACE.total_seconds())
    (mesh,) = mesh_changes(context, fresh.until, 10).ended
    assert mesh.mesh_id == mesh_id
    clock.advance(history.OVERLAP.total_seconds())
    last = mesh_changes(context, fresh.until, 10)
    assert len(last.ended) == 1
    assert mesh_changes(context, last.until, 10).ended == []


def test_meshes_that_rest_and_meshes_that_are_due(context: Context, clock: Clock) -> None:
    trouble = {"1.png": lambda: SourceUnavailableError("the server is away")}
    tried = ask(context, 1)
    clock.advance(1)
    waits = ask(context, 2)
    assert [mesh.mesh_id for mesh in waiting_work(context).due] == [tried, waits]
    run_due_meshes(context, TroubledGenerator(trouble), mesh_id=tried)
    assert [mesh.mesh_id for mesh in mesh_changes(context, BEGINNING, 10).resting] == [tried]
    assert [mesh.mesh_id for mesh in waiting_work(context).due] == [waits]
    clock.advance(120)
    assert [mesh.mesh_id for mesh in waiting_work(context).due] == [tried, waits]


def test_a_rest_that_a_wrong_clock_made_endless_is_over(context: Context, clock: Clock) -> None:
    """What a worker would claim is due for Dagster's sensors, too: else no run would begin."""
    trouble = {"1.png": lambda: SourceUnavailableError("the server is away")}
    tried = ask(context, 1)
    run_due_meshes(context, TroubledGenerator(trouble), mesh_id=tried)
    clock.advance(-400 * 86_400)
    assert [mesh.mesh_id for mesh in waiting_work(context).due] == [tried]
    assert run_due_meshes(context, TroubledGenerator()).completed == 1


def test_a_picture_for_people_is_small(context: Context) -> None:
    mesh_id = ask(context, 1)
    assert preview_of(context, mesh_id) is None
    run_due_meshes(context, TroubledGenerator())
    preview = preview_of(context, mesh_id)
    assert preview is not None
    assert len(preview) < len(read_file(context, mesh_id, "thumbnail.png")[1])


def test_deleted_meshes_are_told_from_those_that_are_there(context: Context) -> None:
    kept, lost = (read_mesh(context, ask(context, seed)) for seed in (1, 2))
    with context.store.write() as connection:
        connection.execute(sa.delete(meshes).where(meshes.c.mesh_id == lost.mesh_id))
    assert deleted_of(context, [kept, lost]) == [lost]


def test_a_batch_that_is_stopped_from_outside_leaves_nothing_waiting(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker gives a mesh back after the batch was cancelled: the mesh must not wait then."""
    images = [
        save_image(context, MeshRequest(image=hills(seed), name=f"{seed}.png")) for seed in range(4)
    ]
    job_id: uuid.UUID = queue_job(context, "mesh_batch", {"images": images}).job_id
    begun, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        may_end.wait(PATIENCE_S)

    really = stopping._wait_for_workers

    def wait_for_workers(*arguments: object) -> None:
        may_end.set()
        really(*arguments)  # type: ignore[arg-type]

    generator = TroubledGenerator({f"{seed}.png": wait for seed in range(4)})
    _use(monkeypatch, generator)
    worker = threading.Thread(target=lambda: run_job(context, job_id))
    worker.start()
    assert begun.wait(PATIENCE_S)
    monkeypatch.setattr(stopping, "GRACE_S", PATIENCE_S)
    monkeypatch.setattr(stopping, "_wait_for_workers", wait_for_workers)
    job = stop_batch_here(context, job_id)
    worker.join(PATIENCE_S)

    assert job.status is JobStatus.CANCELLED
    assert read_job(context, job_id).status is JobStatus.CANCELLED
    statuses = {mesh.status for mesh in list_meshes(context, batch_id=job_id)}
    assert statuses <= {MeshStatus.COMPLETED, MeshStatus.CANCELLED}
    assert MeshStatus.CANCELLED in statuses


def _use(monkeypatch: pytest.MonkeyPatch, generator: TroubledGenerator) -> None:
    @contextmanager
    def opened(context: Context) -> Iterator[MeshTools]:
        yield MeshTools(generator, storage_of(context.settings))

    monkeypatch.setattr("trackflow.usecases.meshes.batching.opened_tools", opened)
