"""Adds the values that a backup of an older version lacks, as the migrations do."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import devices, tracks

ONE_DISTANCE = "0006"
"""The schema since which a track has one best distance, and its parts by quarters of an hour."""


def keep_distances(connection: Connection) -> None:
    """Fill the distance columns of tracks of older versions.

    Tracks whose points are stored are made again later; the others keep the distance that they had.
    """
    t, d = tracks.c, devices.c
    connection.execute(sa.update(tracks).values(raw_distance_m=t.distance_m))
    # "UTC" was the default of devices without a zone of their own
    connection.execute(sa.update(devices).where(d.time_zone == "UTC").values(time_zone=None))
