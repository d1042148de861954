"""The job that follows tracks."""

import dagster as dg

TAGS = {"trackflow/subject": "categories"}

# By tag, not by key: keys may have a prefix.
categorize_days_job = dg.define_asset_job(
    "categorize_days_job",
    selection=dg.AssetSelection.tag("trackflow/stage", "categorized"),
    description="Travel modes, places, categories and logbook entries of one day or of a range of "
    "days.",
    tags=TAGS | {"trackflow/kind": "categories", "dagster/max_runtime": str(6 * 3600)},
)
