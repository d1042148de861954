"""Which jobs of people need a run, and the run of one."""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from trackflow.defs.jobs.jobs import JOB_TAG
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import starting_run
from trackflow.usecases.jobs.control import Job, waiting_jobs


@dataclass(frozen=True, slots=True)
class JobsToStart:
    """Jobs that wait, and those of them for which no run is on its way."""

    waiting: list[Job]
    without_run: list[Job]


def jobs_to_start(
    instance: dg.DagsterInstance, trackflow: TrackflowResource, is_wanted: Callable[[Job], bool]
) -> JobsToStart:
    """The jobs that wait for a worker, the oldest first.

    Args:
        instance: Dagster's records.
        trackflow: the store.
        is_wanted: whether a sensor starts a job.
    """
    with trackflow.open() as trackflow_context:
        now = trackflow_context.clock()
        waiting = [job for job in waiting_jobs(trackflow_context) if is_wanted(job)]
    return JobsToStart(
        waiting,
        [job for job in waiting if not starting_run(instance, now, {JOB_TAG: str(job.job_id)})],
    )


def request_of(job: Job, op_name: str, config: dg.Config) -> dg.RunRequest:
    """The run of a job, by the op of this name and with this configuration."""
    return dg.RunRequest(
        run_config=dg.RunConfig(ops={op_name: config}),
        tags={JOB_TAG: str(job.job_id), "trackflow/job_kind": job.kind},
    )
