"""Lengths of tracks in whole millimetres, spread over their time."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import to_us
from trackflow.store.tables import tracks
from trackflow.tracks.day_parts import TrackLength

t = tracks.c


def length_of(row: dict[str, Any]) -> TrackLength:
    """The length of a track's row, spread over its time."""
    return TrackLength.read(
        to_us(row["start_time"]),
        to_us(row["end_time"]),
        round(row["distance_m"] * 1000),
        row["quarters_mm"],
    )


def count_and_length_mm(connection: Connection) -> tuple[int, int]:
    """How many tracks there are, and their length in whole millimetres."""
    # a sum of floats would depend on the order of the rows
    length_mm = sa.cast(sa.func.round(t.distance_m * 1000), sa.BigInteger)
    count, total = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(length_mm), 0))
    ).one()
    return count, int(total)
