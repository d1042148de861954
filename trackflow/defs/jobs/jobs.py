"""The run that executes a requested job, such as a big rebuild."""

import uuid

import dagster as dg
from pydantic import Field

from trackflow.defs.errors import step
from trackflow.defs.jobs.progress import LoggedProgress, raise_if_failed
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.jobs.kinds import run_job

TAGS = {"trackflow/subject": "jobs"}

JOB_TAG = "trackflow/job_id"
"""Tag of a run with the id of its job."""


class RequestedJobConfig(dg.Config):
    """The job to run."""

    job_id: str = Field(description="Id of the job, as `trackflow jobs list` shows it.")


@dg.op(
    name="run_requested_job",
    description="Works on one job until it ends or is cancelled. Its progress is on the map page, "
    "in the API and in `trackflow jobs show`.",
)
@step
def run_requested_job(
    context: dg.OpExecutionContext,
    config: RequestedJobConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Run one job; a failed job fails the run."""
    on_change = LoggedProgress(context)
    with trackflow.open() as trackflow_context:
        done = run_job(
            trackflow_context,
            uuid.UUID(config.job_id),
            dagster_run_id=context.run_id,
            on_change=on_change,
        )
    if done is None:
        context.log.info("Another worker runs this job, or it has ended before.")
        return
    raise_if_failed(context, done)


@dg.job(
    name="requested_job",
    description="Runs a job that a person requested on the map page, by API or by CLI.",
    tags=TAGS | {"dagster/max_runtime": str(24 * 3600)},
)
def requested_job() -> None:
    """One op."""
    run_requested_job()
