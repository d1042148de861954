"""What is done every day."""

import datetime as dt

import dagster as dg

from trackflow.defs.days.jobs import process_days_job
from trackflow.defs.days.sensors import days_run_config
from trackflow.defs.partitions import has_partition
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.days.run import SETTLING, settled_day
from trackflow.usecases.days.waiting import has_points


def _cron() -> str:
    """A quarter of an hour after the day before is settled, in UTC."""
    minutes = (SETTLING // dt.timedelta(minutes=1) + 15) % (24 * 60)
    return f"{minutes % 60} {minutes // 60} * * *"


@dg.schedule(
    name="daily_schedule",
    job=process_days_job,
    cron_schedule=_cron(),
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Works once more on every device of the newest day whose late evening is "
    "complete: the hours after midnight that its journeys may reach into have passed.",
)
def daily_schedule(
    context: dg.ScheduleEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """Request the newest settled day, if anything moved on it."""
    moment = context.scheduled_execution_time.astimezone(dt.UTC)
    day = settled_day(moment)
    with trackflow.open() as trackflow_context:
        if not has_partition(day) or not has_points(trackflow_context, day):
            return dg.SkipReason(f"No points on {day}.")
    return dg.RunRequest(partition_key=day.isoformat(), run_config=days_run_config("bulk"))
