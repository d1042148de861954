"""Schedules of the logbook: the report of the last month, and the daily closing."""

import datetime as dt

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.mileage.jobs import TAGS, close_entries_job, mileage_report_job
from trackflow.defs.partitions import FIRST_DAY
from trackflow.defs.resources import TrackflowResource
from trackflow.geo.periods import month_before
from trackflow.usecases.mileage.fleet import list_vehicles

NO_VEHICLE = "There is no vehicle yet: trackflow vehicles add ID --plate PLATE"


@dg.schedule(
    name="mileage_report_schedule",
    job_name=mileage_report_job.name,
    cron_schedule="0 5 3 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Writes the logbooks of the last month on the third of each month, when late "
    "points of its last days have come.",
)
@tick
def mileage_report_schedule(
    context: dg.ScheduleEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """Request the report of the last month."""
    with trackflow.open() as trackflow_context:
        if not list_vehicles(trackflow_context):
            return dg.SkipReason(NO_VEHICLE)
    month = f"{month_before(context.scheduled_execution_time.astimezone(dt.UTC).date()):%Y-%m}"
    if month < f"{FIRST_DAY:%Y-%m}":
        return dg.SkipReason(f"The month {month} is before the first one of TRACKFLOW_FIRST_DAY.")
    return dg.RunRequest(partition_key=f"{month}-01", run_key=month)


@dg.schedule(
    name="close_entries_schedule",
    job_name=close_entries_job.name,
    cron_schedule="50 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Closes the entries of logbooks that are due once a day, and reminds people two "
    "days before of trips that still need a purpose.",
)
@tick
def close_entries_schedule(
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.RunRequest | dg.SkipReason:
    """Request a run where there is a vehicle."""
    with trackflow.open() as trackflow_context:
        if not list_vehicles(trackflow_context):
            return dg.SkipReason(NO_VEHICLE)
    return dg.RunRequest()
