"""Batches, syncs, cleanups and reports of meshes in Dagster; a run that a person ends."""

import datetime as dt
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg
import pytest

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.jobs.jobs import JOB_TAG
from trackflow.defs.resources import TrackflowResource
from trackflow.errors import BadInputError
from trackflow.store.meshes import batches
from trackflow.usecases.jobs.control import JobStatus, read_job
from trackflow.usecases.jobs.kinds import queue_job
from trackflow.usecases.meshes.control import MeshStatus, list_meshes
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh, save_image
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow_tests.defs.meshes.running import history, materializations, results, run
from trackflow_tests.helpers.ticks import skipped, tick
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills


def queue_batch(context: Context, count: int, first: int = 0) -> uuid.UUID:
    """Queue a batch of so many images."""
    keys = [
        save_image(context, MeshRequest(image=hills(seed), name=f"{seed}.png"))
        for seed in range(first, first + count)
    ]
    return queue_job(context, "mesh_batch", {"images": keys}).job_id


def batch_config(job_id: uuid.UUID) -> dict[str, object]:
    return {"ops": {"run_mesh_batch": {"config": {"job_id": str(job_id)}}}}


def test_a_requested_batch_is_a_run_of_its_own_job(
    home: Path, instance: dg.DagsterInstance, context: Context, generator: TroubledGenerator
) -> None:
    assert skipped("mesh_batches_sensor", home, instance) == "No batch waits."
    generator.troubles["2.png"] = lambda: BadInputError("no heights in it")
    job_id = queue_batch(context, 3)
    assert skipped("requested_jobs_sensor", home, instance) == "No job waits."
    requests = tick("mesh_batches_sensor", home, instance)
    assert isinstance(requests, list)
    (request,) = requests
    assert request.tags[JOB_TAG] == str(job_id)

    done = run("mesh_batch_job", home, instance, config=request.run_config)
    assert done.success
    job = read_job(context, job_id)
    assert (job.status, job.completed, job.failed, job.total) == (JobStatus.COMPLETED, 2, 1, 3)
    (output,) = [e for e in done.all_events if e.is_successful_output]
    numbers = output.event_specific_data.metadata
    assert (numbers["completed"].value, numbers["failed"].value) == (2, 1)
    results("mesh_events_sensor", home, instance)
    keys = {mesh.image_name: mesh.image_key for mesh in list_meshes(context)}
    assert len(materializations(instance, keys["0.png"])) == 1
    assert history(instance, keys["2.png"]) == ["given up after one try"]
    assert skipped("mesh_batches_sensor", home, instance) == "No batch waits."


def test_two_batches_run_at_once_at_most(
    home: Path, instance: dg.DagsterInstance, context: Context
) -> None:
    for first in range(3):
        queue_batch(context, 1, first)
    requests = tick("mesh_batches_sensor", home, instance)
    assert isinstance(requests, list)
    assert len(requests) == 2
    for request in requests:
        instance.create_run_for_job(
            defs.resolve_job_def("mesh_batch_job"),
            run_config=request.run_config,
            status=dg.DagsterRunStatus.STARTED,
            tags=dict(request.tags),
        )
    said = skipped("mesh_batches_sensor", home, instance)
    assert said == "3 batches wait for others to end."


@pytest.mark.usefixtures("generator")
def test_a_sync_makes_what_is_missing_and_cleanups_report(
    home: Path, instance: dg.DagsterInstance, inbox: Path, context: Context
) -> None:
    schedules = {
        "mesh_sync_schedule": None,
        "mesh_files_schedule": "failed_files",
        "old_meshes_schedule": "old_meshes",
        "mesh_orphans_schedule": "orphans",
    }
    for name in (*schedules, "mesh_usage_schedule"):
        found = _tick(name, home, instance)
        assert isinstance(found, dg.SkipReason), name
    for seed in range(2):
        (inbox / f"{seed}.png").write_bytes(hills(seed))
    for name, what in schedules.items():
        request = _tick(name, home, instance)
        assert isinstance(request, dg.RunRequest), name
        if what is None:
            assert run("mesh_sync_job", home, instance).success
        else:
            assert request.run_config["ops"]["clean_meshes"]["config"]["what"] == what
            config = request.run_config
            config["ops"]["clean_meshes"]["config"]["dry_run"] = what == "orphans"
            done = run("clean_meshes_job", home, instance, config=config)
            (output,) = [e for e in done.all_events if e.is_successful_output]
            numbers = output.event_specific_data.metadata
            assert numbers["dry_run"].value is (what == "orphans")
            assert numbers["files"].value == 0
    statuses = {mesh.image_key: mesh.status for mesh in list_meshes(context)}
    assert statuses == dict.fromkeys(["inbox/0.png", "inbox/1.png"], MeshStatus.COMPLETED)


def test_the_report_of_a_month_is_shown_and_written(
    home: Path, instance: dg.DagsterInstance, context: Context, generator: TroubledGenerator
) -> None:
    request_mesh(context, MeshRequest(image=hills(1), name="a.png", project="harbour"))
    run_due_meshes(context, generator)
    request = _tick("mesh_usage_schedule", home, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-02-01"
    month = f"{context.clock():%Y-%m}-01"
    done = run("mesh_usage_job", home, instance, month)
    (made,) = done.asset_materializations_for_node("mesh_usage_report")
    assert made.metadata["meshes"].value == 1
    assert "| harbour | 1 |" in str(made.metadata["report"].value)
    file = Path(str(made.metadata["file"].value))
    assert file.name == f"meshes-{month[:7]}.md"
    assert file.read_text() == made.metadata["report"].value


@pytest.mark.slow
def test_a_batch_whose_run_a_person_ends_is_cancelled(
    home: Path, context: Context, tmp_path: Path
) -> None:
    """As the UI ends a run: by an interrupt of its process, while real child processes work."""
    job_id = queue_batch(context, 200)
    dagster_home = tmp_path / "dagster"
    dagster_home.mkdir()
    config = tmp_path / "config.yaml"
    config.write_text(f"ops: {{run_mesh_batch: {{config: {{job_id: '{job_id}'}}}}}}")
    arguments = ["job", "execute", "-m", "trackflow.definitions", "-j", "mesh_batch_job"]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home),
        "TRACKFLOW_HOME": str(home),
        "TRACKFLOW_ENGINE_URL": "none",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "dagster", *arguments, "-c", str(config)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        _wait_for_a_mesh(context, process)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0, output[-3000:]
    assert read_job(context, job_id).status is JobStatus.CANCELLED, output[-3000:]
    with context.store.read() as connection:
        assert batches.read_batch(connection, job_id).status == "cancelled"
    meshes = list_meshes(context, batch_id=job_id)
    statuses = {mesh.status for mesh in meshes if not mesh.cancel_requested}
    assert statuses <= {MeshStatus.COMPLETED, MeshStatus.CANCELLED}
    # images whose turn had not come have no mesh, those behind the interrupt a cancelled one
    assert sum(mesh.status is MeshStatus.COMPLETED for mesh in meshes) < 200


def _wait_for_a_mesh(context: Context, process: "subprocess.Popen[str]") -> None:
    def begun() -> bool:
        assert process.poll() is None, process.communicate()[0][-3000:]
        return bool(list_meshes(context, statuses=(MeshStatus.COMPLETED, MeshStatus.RUNNING)))

    wait_until(begun, "no mesh was begun", pause_s=0.1)


def _tick(name: str, home: Path, instance: dg.DagsterInstance) -> object:
    context = dg.build_schedule_context(
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        scheduled_execution_time=dt.datetime(2026, 3, 1, 5, tzinfo=dt.UTC),
    )
    return defs.get_repository_def().get_schedule_def(name)(context)
