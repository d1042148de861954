"""Jobs in Dagster: each that waits gets one run, and what a dead process left behind another."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs import runs
from trackflow.defs.jobs.jobs import JOB_TAG
from trackflow.defs.resources import TrackflowResource
from trackflow.settings import Settings
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job, JobStatus
from trackflow.usecases.jobs.kinds import queue_job
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.ticks import skipped, tick

SENSOR = "requested_jobs_sensor"


def test_each_waiting_job_gets_one_run(home: Path, instance: dg.DagsterInstance) -> None:
    assert skipped(SENSOR, home, instance) == "No job waits."
    job = _queue(home)

    (request,) = _requests(home, instance)
    assert request.tags[JOB_TAG] == str(job.job_id)

    _start(instance, job, dg.DagsterRunStatus.NOT_STARTED)
    assert skipped(SENSOR, home, instance) == "No job waits."


def test_a_run_whose_process_died_does_not_hold_up_the_next(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "TIME_TO_START", dt.timedelta(0))
    job = _queue(home)
    _start(instance, job, dg.DagsterRunStatus.STARTED)

    assert len(_requests(home, instance)) == 1


def test_its_run_does_the_job(home: Path, instance: dg.DagsterInstance) -> None:
    import_drives(home, write_drives(home / "drives.csv", 2, 2, points=60))
    job = _queue(home)
    (request,) = _requests(home, instance)

    done = defs.resolve_job_def("requested_job").execute_in_process(
        run_config=request.run_config,
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
    )

    assert done.success
    with (
        Context.open(Settings(home=home)) as trackflow_context,
        trackflow_context.store.read() as connection,
    ):
        ended = jobs.read_job(connection, job.job_id)
    assert ended.status is JobStatus.COMPLETED
    assert (ended.completed, ended.total) == (4, 4)
    assert skipped(SENSOR, home, instance) == "No job waits."


def _queue(home: Path) -> Job:
    with Context.open(Settings(home=home)) as trackflow_context:
        return queue_job(trackflow_context, "rebuild", {"from": FIRST_DAY.isoformat()})


def _requests(home: Path, instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    found = tick(SENSOR, home, instance)
    assert isinstance(found, list), found
    return found


def _start(instance: dg.DagsterInstance, job: Job, status: dg.DagsterRunStatus) -> None:
    definition = defs.resolve_job_def("requested_job")
    instance.create_run_for_job(
        definition,
        run_config={"ops": {"run_requested_job": {"config": {"job_id": str(job.job_id)}}}},
        status=status,
        tags={JOB_TAG: str(job.job_id)},
    )
