"""The schedule of housekeeping."""

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.housekeeping.jobs import TAGS, housekeeping_job


@dg.schedule(
    name="housekeeping_schedule",
    job_name=housekeeping_job.name,
    cron_schedule="25 1 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Deletes what is older than it may get (TRACKFLOW_RETENTION_DAYS), and records of "
    "old runs, every night.",
)
@tick
def housekeeping_schedule() -> dg.RunRequest:
    """Request housekeeping every night."""
    return dg.RunRequest()
