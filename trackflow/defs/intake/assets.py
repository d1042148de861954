"""The asset of the points: external, as points are admitted to the store at any time."""

import dagster as dg

from trackflow.defs import metadata
from trackflow.defs.intake.observing import POINTS
from trackflow.defs.owners import OWNERS

TEXT = """
Positions as devices sent them: **who was where at which moment**.

They arrive over HTTP from devices, from files (`trackflow import`, the inbox folder) and from a
followed table, in any order and however late. A point is stored once; of several points of one
device and moment the most accurate stays. What cannot be a point is kept apart in the table
`quarantined_points`, with the reason.

Dagster observes this asset and does not make it: `gps_points_sensor` notes how many points each day
has; `live_sensor` and `pending_batches_sensor` start runs for days that have new ones.
"""


def gps_points(days: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    """The asset, with these partitions."""
    return dg.AssetSpec(
        POINTS,
        partitions_def=days,
        group_name="points",
        owners=OWNERS,
        kinds={"table", "gps"},
        tags={"trackflow/stage": "points"},
        metadata=metadata.of_table("gps_points"),
        description=TEXT,
    )
