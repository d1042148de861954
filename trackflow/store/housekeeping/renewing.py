"""What a backup of an older version lacks, as the migrations give it to a store."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import devices, tracks

ONE_DISTANCE = "0006"
"""The schema since which a track has its best distance, and its parts by quarters of an hour."""


def keep_distances(connection: Connection) -> None:
    """Give tracks of older versions what they lack; those whose points are there are made anew.

    Tracks whose points are gone keep the distance that they had.
    """
    t, d = tracks.c, devices.c
    connection.execute(sa.update(tracks).values(raw_distance_m=t.distance_m))
    # "UTC" was what a device had that was never asked
    connection.execute(sa.update(devices).where(d.time_zone == "UTC").values(time_zone=None))
