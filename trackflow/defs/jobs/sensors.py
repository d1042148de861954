"""Starts a run for each waiting job: requested, resumed, or abandoned by a dead process."""

from collections.abc import Iterator

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.jobs.jobs import (
    JOB_TAG,
    TAGS,
    RequestedJobConfig,
    requested_job,
    run_requested_job,
)
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import starting_run
from trackflow.usecases.jobs.control import Job, waiting_jobs
from trackflow.usecases.meshes.batching import KIND as MESH_BATCH

RUNS_PER_TICK = 3

OWN_SENSOR = (MESH_BATCH,)
"""Kinds of jobs whose runs another sensor starts, as another job runs them."""


@dg.sensor(
    name="requested_jobs_sensor",
    job_name=requested_job.name,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts requested jobs, and resumes those whose process died: "
    "a job whose heartbeat has stopped waits again.",
)
@tick
def requested_jobs_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run for each waiting job."""
    with trackflow.open() as trackflow_context:
        now = trackflow_context.clock()
        waiting = [job for job in waiting_jobs(trackflow_context) if job.kind not in OWN_SENSOR]
    wanted = [
        job
        for job in waiting
        if not starting_run(context.instance, now, {JOB_TAG: str(job.job_id)})
    ]
    return list(_requests(wanted[:RUNS_PER_TICK])) or dg.SkipReason("No job waits.")


def _requests(wanted: list[Job]) -> Iterator[dg.RunRequest]:
    for job in wanted:
        config = RequestedJobConfig(job_id=str(job.job_id))
        yield dg.RunRequest(
            run_config=dg.RunConfig(ops={run_requested_job.name: config}),
            tags={JOB_TAG: str(job.job_id), "trackflow/job_kind": job.kind},
        )
