"""Starts an import when files came into the inbox."""

import dagster as dg

from trackflow.defs.intake.inbox_jobs import import_inbox_job
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import UNFINISHED
from trackflow.errors import SettingsError
from trackflow.usecases.intake.inbox import look


@dg.sensor(
    name="inbox_sensor",
    job_name=import_inbox_job.name,  # by name: Dagster would copy the sensor, and warns as it does
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts an import when new or changed files lie in the folder that TRACKFLOW_INBOX "
    "names. Files that are still being written wait.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """One tick: is somebody at it, are there new files, then request a run."""
    filter_ = dg.RunsFilter(job_name=import_inbox_job.name)
    last = next(iter(context.instance.get_runs(filter_, limit=1)), None)
    if last is not None and last.status in UNFINISHED:
        return dg.SkipReason(f"Run {last.run_id[:8]} is importing.")
    try:
        with trackflow.open() as trackflow_context:
            found = look(trackflow_context)
    except SettingsError as error:
        return dg.SkipReason(f"{error}.")
    if not found.ready:
        written = f" {found.waiting} may still be being written." if found.waiting else ""
        return dg.SkipReason(f"No new files.{written}")
    # A key is remembered for ever: it keeps a tick that died half-way from requesting twice, and
    # the last run in it lets the same files be requested again after one that failed.
    run_key = f"{found.watermark}/{last.run_id[:8] if last else ''}"
    return dg.RunRequest(run_key=run_key, tags={"trackflow/files": str(len(found.ready))})
