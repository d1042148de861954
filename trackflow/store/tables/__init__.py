"""The tables. Names and columns are what users see in reports and in their own SQL.

Lengths are metres unless the name ends in `_mm`: millimetres are whole numbers, so that sums do
not depend on the order of addition. Lines are encoded polylines of precision 5. Each table and
each column has a description (`doc`), of which `docs/data-model.md` is made.
"""

from trackflow.store.tables.access import access_tokens, no_token_changes
from trackflow.store.tables.base import metadata
from trackflow.store.tables.catalogue import (
    catalogue_changes,
    catalogue_fetched,
    catalogue_switches,
    catalogue_syncs,
    catalogue_tracks,
)
from trackflow.store.tables.days import (
    STAGES,
    day_ledgers,
    processing_batches,
    segments,
    track_aliases,
    tracks,
)
from trackflow.store.tables.devices import devices
from trackflow.store.tables.intake import (
    followed_tables,
    gps_points,
    import_refusals,
    imports,
    inbox_files,
    quarantined_points,
    receipts,
    replaced_points,
)
from trackflow.store.tables.jobs import jobs, live_workers, service_marks
from trackflow.store.tables.places import catalogue_places, catalogue_visit_days, catalogue_visits
from trackflow.store.tables.roads import breakers, cached_polylines, road_networks

__all__ = [
    "STAGES",
    "access_tokens",
    "breakers",
    "cached_polylines",
    "catalogue_changes",
    "catalogue_fetched",
    "catalogue_places",
    "catalogue_switches",
    "catalogue_syncs",
    "catalogue_tracks",
    "catalogue_visit_days",
    "catalogue_visits",
    "day_ledgers",
    "devices",
    "followed_tables",
    "gps_points",
    "import_refusals",
    "imports",
    "inbox_files",
    "jobs",
    "live_workers",
    "metadata",
    "no_token_changes",
    "processing_batches",
    "quarantined_points",
    "receipts",
    "replaced_points",
    "road_networks",
    "segments",
    "service_marks",
    "track_aliases",
    "tracks",
]
