"""Definitions of housekeeping."""

import dagster as dg

from trackflow.defs.housekeeping.alerts import alerts_sensor
from trackflow.defs.housekeeping.jobs import housekeeping_job
from trackflow.defs.housekeeping.retries import retries_sensor
from trackflow.defs.housekeeping.schedules import housekeeping_schedule
from trackflow.defs.housekeeping.sensors import run_failures_sensor
from trackflow.defs.resources import TrackflowResource


def definitions(_: TrackflowResource) -> dg.Definitions:
    """Definitions that delete old data, see to retries and notify people of failed runs."""
    return dg.Definitions(
        jobs=[housekeeping_job],
        schedules=[housekeeping_schedule],
        sensors=[run_failures_sensor, retries_sensor, alerts_sensor],
    )
