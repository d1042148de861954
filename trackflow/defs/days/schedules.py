"""Schedules of days: process the newest settled day, and check that it is made."""

import datetime as dt

import dagster as dg

from trackflow.defs.days.jobs import CHECK_DAYS_JOB, TAGS, process_days_job
from trackflow.defs.days.sensors import days_run_config
from trackflow.defs.errors import tick
from trackflow.defs.partitions import has_partition
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.days.run import SETTLING, settled_day
from trackflow.usecases.days.waiting import has_points


def _cron(after: dt.timedelta) -> str:
    """The daily time, in UTC, so long after the previous day is settled."""
    minutes = ((SETTLING + after) // dt.timedelta(minutes=1)) % (24 * 60)
    return f"{minutes % 60} {minutes // 60} * * *"


@dg.schedule(
    name="daily_schedule",
    job_name=process_days_job.name,
    cron_schedule=_cron(dt.timedelta(minutes=15)),
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Works once more on every device of the newest day whose late evening is "
    "complete: the hours after midnight that its journeys may reach into have passed.",
)
@tick
def daily_schedule(
    context: dg.ScheduleEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """Request the newest settled day, if it has points."""
    moment = context.scheduled_execution_time.astimezone(dt.UTC)
    day = settled_day(moment)
    with trackflow.open() as trackflow_context:
        if not has_partition(day, trackflow.first_day) or not has_points(trackflow_context, day):
            return dg.SkipReason(f"No points on {day}.")
    return dg.RunRequest(partition_key=day.isoformat(), run_config=days_run_config("bulk"))


@dg.schedule(
    name="days_checks_schedule",
    job_name=CHECK_DAYS_JOB,
    cron_schedule=_cron(dt.timedelta(hours=3)),
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Checks once a day whether the newest settled day is made, so that work that has "
    "stopped is seen: checks that come with the work would stop with it.",
)
@tick
def days_checks_schedule() -> dg.RunRequest:
    """Request the checks every day."""
    return dg.RunRequest()
