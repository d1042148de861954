"""The job that builds a road network."""

import dagster as dg

TAGS = {"trackflow/subject": "roads"}

build_road_network_job = dg.define_asset_job(
    "build_road_network_job",
    selection=dg.AssetSelection.tag("trackflow/stage", "roads"),
    description="Builds a road network from an OpenStreetMap extract and matches on it from then "
    "on. The launchpad asks for the extract's path.",
    tags=TAGS | {"trackflow/kind": "roads", "dagster/max_runtime": str(12 * 3600)},
)
