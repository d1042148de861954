"""The jobs of the catalogue."""

import dagster as dg

from trackflow.defs.catalogue.assets import track_catalogue, track_places, track_visits

sync_catalogue_job = dg.define_asset_job(
    "sync_catalogue_job",
    selection=[track_catalogue, track_places],
    description="Brings the race tracks in step with a source, and looks for their places where a "
    "geocoder is set up.",
    tags={"trackflow/kind": "catalogue", "dagster/max_runtime": str(6 * 3600)},
)

check_catalogue_job = dg.define_asset_job(
    "check_catalogue_job",
    selection=dg.AssetSelection.checks_for_assets(track_catalogue),
    description="Looks whether the catalogue is fresh, complete and not suddenly smaller, also "
    "when no sync goes well.",
    tags={"trackflow/kind": "catalogue-checks", "dagster/max_runtime": "3600"},
)

find_visits_job = dg.define_asset_job(
    "find_visits_job",
    selection=[track_visits],
    description="Finds visits to race tracks on days that have changed.",
    tags={"trackflow/kind": "visits", "dagster/max_runtime": str(6 * 3600)},
)
