"""The steps of the jobs of meshes that are no assets: what waits, batches, syncs."""

import datetime as dt
import uuid

import dagster as dg
from pydantic import Field

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import StepError, step
from trackflow.defs.jobs.progress import LoggedProgress, raise_if_failed
from trackflow.defs.meshes.interrupts import cancelling_on_interrupt
from trackflow.defs.pools import MESH_BATCHES, MESHES
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.jobs.control import Job
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import sync
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.stopping import stop_batch_here
from trackflow.usecases.meshes.tools import opened_tools
from trackflow.usecases.meshes.waiting import waiting_work

AT_A_TIME = 20
"""Due meshes that are made before the log says how it stands."""

LONGEST = dt.timedelta(hours=1)
"""After this time a run ends; the next tick starts another one."""


class BatchConfig(dg.Config):
    """The batch to make."""

    job_id: str = Field(description="Id of its job, as `trackflow jobs list` shows it.")


@dg.op(
    name="make_due_meshes",
    out=dg.Out(dg.Nothing),
    pool=MESHES,
    description="Makes the meshes that were requested and wait, several at once, until none is "
    "due. What became of them is noted on the asset `meshes`.",
)
@step
def make_due_meshes(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Make some, say how it stands, and go on."""
    sums = dict.fromkeys(("completed", "failed", "waiting", "cancelled"), 0)
    with trackflow.open() as trackflow_context, opened_tools(trackflow_context) as tools:
        until = trackflow_context.clock() + LONGEST
        while trackflow_context.clock() < until:
            report = run_due_meshes(
                trackflow_context, tools.generator, limit=AT_A_TIME, until=until
            )
            for name in sums:
                sums[name] += getattr(report, name)
            context.log.info(", ".join(f"{count:,} {name}" for name, count in sums.items()))
            if report.completed + report.failed + report.waiting + report.cancelled == 0:
                break
    context.add_output_metadata(sums)


@dg.op(
    name="run_mesh_batch",
    pool=MESH_BATCHES,
    description="Makes the meshes of one batch until it ends or is cancelled. Its progress is in "
    "the log, on the page, in the API and in `trackflow jobs show`.",
)
@step
def run_mesh_batch(
    context: dg.OpExecutionContext,
    config: BatchConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Run the job of one batch."""
    with trackflow.open() as trackflow_context:
        done = _run(context, trackflow_context, uuid.UUID(config.job_id))
    if done is None:
        context.log.info("Another worker makes this batch, or it has ended before.")
        return
    _report(context, done)


@dg.op(
    name="sync_meshes",
    description="Looks at all images and meshes, and makes, tries again and retires what it has "
    "to. Ending the run cancels the sync.",
)
@step
def sync_meshes(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Run a sync in this process."""
    with trackflow.open() as trackflow_context:
        _sync(context, trackflow_context)


@dg.op(
    name="sync_found_images",
    ins={"start": dg.In(dg.Nothing)},
    description="Runs a sync if there are images that are new or have changed.",
)
@step
def sync_found_images(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Run a sync in this process, if one has something to do."""
    with trackflow.open() as trackflow_context:
        if not waiting_work(trackflow_context).found:
            context.log.info("No image is new or has changed.")
            return
        _sync(context, trackflow_context)


def _sync(context: dg.OpExecutionContext, trackflow_context: Context) -> None:
    job = queue_job(trackflow_context, sync.KIND, {"trigger": _trigger(context)})
    done = _run(context, trackflow_context, job.job_id)
    if done is None:
        raise StepError(f"another worker has taken over the job {job.job_id}")
    _report(context, done)


def _trigger(context: dg.OpExecutionContext) -> str:
    for name in ("schedule", "sensor"):
        if f"dagster/{name}_name" in context.run.tags:
            return name
    return "ui"


def _run(
    context: dg.OpExecutionContext, trackflow_context: Context, job_id: uuid.UUID
) -> Job | None:
    with cancelling_on_interrupt(lambda: stop_batch_here(trackflow_context, job_id)):
        return run_job(
            trackflow_context,
            job_id,
            dagster_run_id=context.run_id,
            on_change=LoggedProgress(context, adds_failed=True),
        )


def _report(context: dg.OpExecutionContext, done: Job) -> None:
    result = done.result or {}
    numbers: dict[str, metadata.Value] = {
        name: value for name, value in result.items() if isinstance(value, int | float)
    }
    if result.get("problems"):
        lines = [f"- {key}: {why}" for key, why in result["problems"].items()]
        numbers["cannot_be_read"] = dg.MetadataValue.md("\n".join(lines))
    context.add_output_metadata(
        {"job_id": str(done.job_id), "status": done.status.value, "total": done.total or 0}
        | numbers
    )
    raise_if_failed(context, done)
