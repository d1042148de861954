"""The jobs of the catalogue."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from trackflow.defs.resources import TrackflowResource

TAGS = {"trackflow/subject": "catalogue"}

CHECK_CATALOGUE_JOB = "check_catalogue_job"


def _stage(name: str) -> dg.AssetSelection:
    """Select assets by tag, not by key: keys may have a prefix."""
    return dg.AssetSelection.tag("trackflow/stage", name)


sync_catalogue_job = dg.define_asset_job(
    "sync_catalogue_job",
    selection=_stage("catalogue") | _stage("places"),
    description="Brings the race tracks in step with a source, and looks for their places where a "
    "geocoder is set up.",
    tags=TAGS | {"trackflow/kind": "catalogue", "dagster/max_runtime": str(6 * 3600)},
)

find_visits_job = dg.define_asset_job(
    "find_visits_job",
    selection=_stage("visits"),
    description="Finds visits to race tracks on days that have changed.",
    tags=TAGS | {"trackflow/kind": "visits", "dagster/max_runtime": str(6 * 3600)},
)


def check_catalogue_job(trackflow: TrackflowResource) -> UnresolvedAssetJobDefinition:
    """The job of the checks alone."""
    return dg.define_asset_job(
        CHECK_CATALOGUE_JOB,
        selection=dg.AssetSelection.checks_for_assets(trackflow.key("track_catalogue")),
        description="Looks whether the catalogue is fresh, complete and not suddenly smaller, also "
        "when no sync goes well.",
        tags=TAGS | {"trackflow/kind": "catalogue-checks", "dagster/max_runtime": "3600"},
    )
