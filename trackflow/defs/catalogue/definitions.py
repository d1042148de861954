"""Definitions of the catalogue."""

import dagster as dg

from trackflow.defs.catalogue.assets import track_catalogue, track_places, track_visits
from trackflow.defs.catalogue.checks import (
    catalogue_has_not_shrunk,
    catalogue_is_complete,
    catalogue_is_fresh,
)
from trackflow.defs.catalogue.jobs import check_catalogue_job, find_visits_job, sync_catalogue_job
from trackflow.defs.catalogue.schedules import (
    catalogue_checks_schedule,
    catalogue_schedule,
    visits_schedule,
)
from trackflow.defs.resources import TrackflowResource


def definitions(trackflow: TrackflowResource) -> dg.Definitions:
    """Race tracks, their coordinates, visits to them, checks and schedules."""
    return dg.Definitions(
        assets=[track_catalogue, track_places, track_visits],
        asset_checks=[catalogue_is_fresh, catalogue_is_complete, catalogue_has_not_shrunk],
        jobs=[sync_catalogue_job, check_catalogue_job(trackflow), find_visits_job],
        schedules=[catalogue_schedule, catalogue_checks_schedule, visits_schedule],
    )
