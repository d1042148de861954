"""The job that works on days."""

import dagster as dg

from trackflow.defs.days.assets import process_days

process_days_job = dg.define_asset_job(
    "process_days_job",
    selection=dg.AssetSelection.assets(process_days),
    description="Segments, matched polylines and tracks of one day or of a range of days.",
    tags={
        "trackflow/kind": "days",  # dagster.yaml lets one run of a kind run at a time
        # a run whose machine died stays "started" for ever and would hold up the queue
        "dagster/max_runtime": str(12 * 3600),
    },
)
