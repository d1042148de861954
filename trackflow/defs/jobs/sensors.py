"""Starts a run for each waiting job: requested, resumed, or abandoned by a dead process."""

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.jobs.jobs import (
    TAGS,
    RequestedJobConfig,
    requested_job,
    run_requested_job,
)
from trackflow.defs.jobs.starting import jobs_to_start, request_of
from trackflow.defs.resources import TrackflowResource
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
    jobs = jobs_to_start(context.instance, trackflow, lambda job: job.kind not in OWN_SENSOR)
    return [
        request_of(job, run_requested_job.name, RequestedJobConfig(job_id=str(job.job_id)))
        for job in jobs.without_run[:RUNS_PER_TICK]
    ] or dg.SkipReason("No job waits.")
