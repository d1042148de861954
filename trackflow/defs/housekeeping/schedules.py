"""When the tidying up is done."""

import dagster as dg

from trackflow.defs.housekeeping.jobs import housekeeping_job


@dg.schedule(
    name="housekeeping_schedule",
    job=housekeeping_job,
    cron_schedule="25 1 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Deletes what is older than it may get (TRACKFLOW_RETENTION_DAYS), and records of "
    "old runs, every night.",
)
def housekeeping_schedule() -> dg.RunRequest:
    """Every night."""
    return dg.RunRequest()
