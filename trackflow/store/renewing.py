"""What a backup of an older version lacks, as the migrations give it to a store."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import devices, processing_batches, tracks

ONE_DISTANCE = "0006"
"""The schema since which a track has its best distance, and its parts by quarters of an hour."""


def merge_again(connection: Connection, now: dt.datetime) -> None:
    """Let every day's tracks be made again from its segments and lines, as they are.

    Tracks whose points are gone keep the distance that they had.
    """
    b, t, d = processing_batches.c, tracks.c, devices.c
    connection.execute(sa.update(tracks).values(raw_distance_m=t.distance_m))
    # "UTC" was what a device had that was never asked
    connection.execute(sa.update(devices).where(d.time_zone == "UTC").values(time_zone=None))
    connection.execute(
        sa.update(processing_batches)
        .where(b.tracked_generation >= b.segmented_generation)
        .values(
            status=sa.case((b.status == "completed", "pending"), else_=b.status),
            tracked_generation=b.segmented_generation - 1,
            pending_since=now,
        )
    )
