"""Batches are jobs: live counts, cancelling, resuming, one end."""

from contextlib import nullcontext
from typing import Any

import pytest

from trackflow.context import Context
from trackflow.errors import BadInputError, MeshServiceError, NotFoundError
from trackflow.store.meshes.meshes import MeshStatus
from trackflow.usecases.jobs.control import cancel_job, read_job, resume_job
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import batching
from trackflow.usecases.meshes.control import list_meshes
from trackflow.usecases.meshes.requests import MeshRequest, save_image
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow_tests.helpers.stores import Clock
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills


@pytest.fixture
def generator(context: Context, monkeypatch: pytest.MonkeyPatch) -> TroubledGenerator:
    made = TroubledGenerator()
    tools = MeshTools(made, storage_of(context.settings))
    monkeypatch.setattr(batching, "opened_tools", lambda _: nullcontext(tools))
    return made


def images(context: Context, count: int) -> list[str]:
    return [
        save_image(context, MeshRequest(image=hills(seed), name=f"{seed}.png"))
        for seed in range(count)
    ]


def counts(context: Context, **more: Any) -> dict[MeshStatus, int]:
    found: dict[MeshStatus, int] = {}
    for mesh in list_meshes(context, **more):
        found[mesh.status] = found.get(mesh.status, 0) + 1
    return found


def test_a_batch_counts_what_it_does(context: Context, generator: TroubledGenerator) -> None:
    keys = images(context, 5)
    generator.troubles["3.png"] = lambda: BadInputError("this one is bad")
    job = queue_job(context, "mesh_batch", {"images": keys, "parameters": {"detail_factor": 0.2}})
    seen: list[tuple[int, int]] = []
    ended = run_job(
        context, job.job_id, on_change=lambda now: seen.append((now.completed, now.failed))
    )
    assert ended is not None
    assert (ended.status, ended.total, ended.completed, ended.failed) == ("completed", 5, 4, 1)
    assert ended.message == "4 meshes made, 1 failed"
    assert seen == sorted(seen)
    assert seen[-1] == (4, 1)
    found = list_meshes(context, batch_id=job.job_id)
    assert {mesh.image_key for mesh in found} == set(keys)
    assert {mesh.parameters["detail_factor"] for mesh in found} == {0.2}
    assert {mesh.priority for mesh in found} == {1}


def test_a_cancelled_batch_stops_and_goes_on_where_it_was(
    context: Context, generator: TroubledGenerator
) -> None:
    keys = images(context, 4)
    job = queue_job(context, "mesh_batch", {"images": keys})

    def cancel() -> None:
        cancel_job(context, job.job_id)

    # a person cancels it while the first ones are made, whichever these are
    generator.troubles.update(dict.fromkeys((f"{k}.png" for k in range(4)), cancel))
    ended = run_job(context, job.job_id)
    assert ended is not None
    assert ended.status == "cancelled"
    done = counts(context, batch_id=job.job_id)
    assert done.get(MeshStatus.CANCELLED, 0) >= 1
    assert sum(done.values()) == 4
    generator.troubles.clear()
    resume_job(context, job.job_id)
    ended = run_job(context, job.job_id)
    assert ended is not None
    assert (ended.status, ended.completed) == ("completed", 4)
    assert set(generator.calls) == {f"{k}.png" for k in range(4)}


def test_a_batch_waits_for_meshes_that_rest(
    context: Context, generator: TroubledGenerator, clock: Clock
) -> None:
    errors: list[Exception | None] = [MeshServiceError("once"), None]

    def trouble() -> Exception | None:
        clock.advance(30)
        return errors.pop(0)

    def goes_on() -> None:
        clock.advance(30)

    generator.troubles["0.png"] = trouble
    generator.troubles["1.png"] = goes_on
    job = queue_job(context, "mesh_batch", {"images": images(context, 2)})
    ended = run_job(context, job.job_id, on_change=lambda _: clock.advance(10))
    assert ended is not None
    assert (ended.status, ended.completed, ended.failed) == ("completed", 2, 0)
    assert generator.calls["0.png"] == 2


def test_a_batch_of_nonsense_is_refused(context: Context) -> None:
    for parameters in ({}, {"images": []}, {"images": "all"}, {"images": [7]}):
        with pytest.raises(BadInputError, match="images"):
            queue_job(context, "mesh_batch", parameters)
    with pytest.raises(NotFoundError, match="upload/none"):
        queue_job(context, "mesh_batch", {"images": ["upload/none"]})
    key = images(context, 1)
    with pytest.raises(BadInputError, match="detail"):
        queue_job(context, "mesh_batch", {"images": key, "parameters": {"detail": 1}})
    assert list_meshes(context) == []
    assert read_job(context, queue_job(context, "mesh_batch", {"images": key}).job_id).total is None
