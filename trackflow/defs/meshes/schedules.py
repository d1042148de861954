"""Schedules of meshes: the sync, three cleanups, the usage report."""

import datetime as dt

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.meshes.cleaning import Cleaning, CleaningConfig, clean_meshes
from trackflow.defs.meshes.jobs import TAGS, clean_meshes_job, mesh_sync_job, mesh_usage_job
from trackflow.defs.resources import TrackflowResource
from trackflow.geo.periods import month_before
from trackflow.usecases.meshes.waiting import has_work

NOTHING = (
    "There is no image yet: put some into the folder in TRACKFLOW_MESH_INBOX, or upload one on the "
    "page of the meshes."
)

RUNNING = dg.DefaultScheduleStatus.RUNNING


@dg.schedule(
    name="mesh_sync_schedule",
    job_name=mesh_sync_job.name,
    cron_schedule="20 4 * * *",
    execution_timezone="UTC",
    default_status=RUNNING,
    tags=TAGS,
    description="Brings meshes in step with their images once a day, after the catalogue's sync: "
    "what is missing, out of date or has failed and may get better is made again, and what has "
    "lost its image is retired.",
)
@tick
def mesh_sync_schedule(
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.RunRequest | dg.SkipReason:
    """Request a sync if there is any image."""
    with trackflow.open() as trackflow_context:
        return dg.RunRequest() if has_work(trackflow_context) else dg.SkipReason(NOTHING)


def _cleaning(what: Cleaning, name: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """A schedule of one cleanup.

    Args:
        what: is deleted.
        name: of the schedule.
        cron: when, UTC.
        description: for people.
    """

    @dg.schedule(
        name=name,
        job_name=clean_meshes_job.name,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=RUNNING,
        tags=TAGS,
        description=description,
    )
    @tick
    def schedule(
        trackflow: dg.ResourceParam[TrackflowResource],
    ) -> dg.RunRequest | dg.SkipReason:
        with trackflow.open() as trackflow_context:
            if not has_work(trackflow_context):
                return dg.SkipReason(NOTHING)
        config = dg.RunConfig(ops={clean_meshes.name: CleaningConfig(what=what)})
        return dg.RunRequest(run_config=config, tags={"trackflow/cleaning": what.value})

    return schedule


mesh_files_schedule = _cleaning(
    Cleaning.failed_files,
    "mesh_files_schedule",
    "35 * * * *",
    "Deletes the files of meshes that failed more than an hour ago, every hour.",
)
old_meshes_schedule = _cleaning(
    Cleaning.old_meshes,
    "old_meshes_schedule",
    "0 2 * * *",
    "Deletes meshes that failed or were retired more than a week ago, every night.",
)
mesh_orphans_schedule = _cleaning(
    Cleaning.orphans,
    "mesh_orphans_schedule",
    "0 3 * * SUN",
    "Deletes files that belong to no mesh and no image and are older than a day, every Sunday. "
    "Choose `dry_run` in the launchpad of its job to see what it would delete.",
)


@dg.schedule(
    name="mesh_usage_schedule",
    job_name=mesh_usage_job.name,
    cron_schedule="0 5 1 * *",
    execution_timezone="UTC",
    default_status=RUNNING,
    tags=TAGS,
    description="Sums up what the meshes of the last month took, on the first of each month.",
)
@tick
def mesh_usage_schedule(
    context: dg.ScheduleEvaluationContext,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.RunRequest | dg.SkipReason:
    """Request the report of the last month."""
    month = month_before(context.scheduled_execution_time.astimezone(dt.UTC).date()).isoformat()
    with trackflow.open() as trackflow_context:
        if not has_work(trackflow_context):
            return dg.SkipReason(NOTHING)
    return dg.RunRequest(partition_key=month, run_key=month)
