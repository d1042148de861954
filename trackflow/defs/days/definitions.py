"""Definitions of processing by day."""

import dagster as dg

from trackflow.defs.days.assets import day_assets
from trackflow.defs.days.catching_up import made_days_sensor
from trackflow.defs.days.checks import DAY_CHECKS, checks_of_days, newest_settled_day_is_made
from trackflow.defs.days.helping import help_with_days_job, helpers_sensor
from trackflow.defs.days.jobs import (
    check_days_job,
    live_job,
    process_days_job,
    process_older_days_job,
)
from trackflow.defs.days.schedules import daily_schedule, days_checks_schedule
from trackflow.defs.days.sensors import live_sensor, older_days_sensor, pending_batches_sensor
from trackflow.defs.partitions import daily
from trackflow.defs.resources import TrackflowResource


def definitions(trackflow: TrackflowResource) -> dg.Definitions:
    """Day assets, their checks, jobs, schedules and sensors."""
    days = daily(trackflow.first_day)
    return dg.Definitions(
        assets=[day_assets(days, trackflow.days_per_run)],
        asset_checks=[*checks_of_days(DAY_CHECKS, days), newest_settled_day_is_made],
        jobs=[
            process_days_job,
            process_older_days_job,
            live_job,
            help_with_days_job,
            check_days_job(trackflow),
        ],
        sensors=[
            live_sensor,
            pending_batches_sensor,
            older_days_sensor,
            helpers_sensor,
            made_days_sensor,
        ],
        schedules=[daily_schedule, days_checks_schedule],
    )
