"""Definitions of the logbook."""

import dagster as dg

from trackflow.defs.mileage.assets import mileage_report
from trackflow.defs.mileage.checks import chain_is_intact, no_track_is_missing, sums_are_equal
from trackflow.defs.mileage.jobs import close_entries_job, mileage_report_job
from trackflow.defs.mileage.schedules import close_entries_schedule, mileage_report_schedule
from trackflow.defs.resources import TrackflowResource


def definitions(_: TrackflowResource) -> dg.Definitions:
    """Reports of months with their checks, the daily closing, and their schedules."""
    return dg.Definitions(
        assets=[mileage_report],
        asset_checks=[chain_is_intact, no_track_is_missing, sums_are_equal],
        jobs=[mileage_report_job, close_entries_job],
        schedules=[mileage_report_schedule, close_entries_schedule],
    )
