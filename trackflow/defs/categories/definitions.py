"""Definitions of what is made of tracks."""

import dagster as dg

from trackflow.defs.categories.assets import category_asset
from trackflow.defs.categories.checks import CATEGORY_CHECKS
from trackflow.defs.categories.jobs import categorize_days_job
from trackflow.defs.categories.sensors import due_categories_sensor
from trackflow.defs.days.checks import checks_of_days
from trackflow.defs.partitions import daily
from trackflow.defs.resources import TrackflowResource


def definitions(trackflow: TrackflowResource) -> dg.Definitions:
    """Categorized tracks with their checks, job and sensor."""
    days = daily(trackflow.first_day)
    return dg.Definitions(
        assets=[category_asset(days, trackflow.days_per_run)],
        asset_checks=checks_of_days(CATEGORY_CHECKS, days),
        jobs=[categorize_days_job],
        sensors=[due_categories_sensor],
    )
