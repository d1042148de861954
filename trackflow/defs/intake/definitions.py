"""Definitions of the intake."""

import dagster as dg

from trackflow.defs.intake.assets import gps_points
from trackflow.defs.intake.jobs import import_inbox_job
from trackflow.defs.intake.sensors import followed_table_sensor, gps_points_sensor, inbox_sensor
from trackflow.defs.partitions import daily
from trackflow.defs.resources import TrackflowResource


def definitions(trackflow: TrackflowResource) -> dg.Definitions:
    """The points' asset, and the sensors and the job of the intake."""
    return dg.Definitions(
        assets=[gps_points(daily(trackflow.first_day))],
        jobs=[import_inbox_job],
        sensors=[gps_points_sensor, followed_table_sensor, inbox_sensor],
    )
