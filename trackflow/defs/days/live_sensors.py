"""Starts the live worker when points came in and none is there."""

import dagster as dg

from trackflow.defs.days.live_jobs import live_job
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import starting_run
from trackflow.usecases.days.live import first_live_day, live_worker
from trackflow.usecases.days.waiting import find_waiting


@dg.sensor(
    name="live_sensor",
    job_name=live_job.name,  # by name: Dagster would copy the sensor, and warns as it does
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts the live worker when points of yesterday or today came in and none is at "
    "work. Its heartbeat in the store decides, so one that was killed is replaced in a minute.",
)
def live_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """One tick: is one there, is one on its way, is there anything to do, then request it."""
    with trackflow.open() as trackflow_context:
        now = trackflow_context.clock()
        worker = live_worker(trackflow_context)
        if worker is not None:
            return dg.SkipReason(f"The live worker is there, since {worker.started_at:%H:%M} UTC.")
        if starting := starting_run(context.instance, now, job_name=live_job.name):
            return dg.SkipReason(f"Run {starting[:8]} is about to begin.")
        if not find_waiting(trackflow_context, first=first_live_day(now)).days:
            return dg.SkipReason("Nothing has come in.")
    return dg.RunRequest()
