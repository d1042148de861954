"""Tracks of one device that overlap in time; there should be none."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import tracks
from trackflow.store.types import epoch_us

t = tracks.c


@dataclass(frozen=True, slots=True)
class Overlap:
    """A track that begins before an earlier one of its device has ended; times since 1970."""

    device_id: str
    start_us: int
    earlier_end_us: int


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Numbers of tracks and of overlaps in a time range, and the first overlaps."""

    tracks: int
    overlaps: int
    first: Sequence[Overlap]


def find_overlaps(
    connection: Connection, start: dt.datetime, end: dt.datetime, most: int
) -> Overlaps:
    """Compare the start of each track with the ends of all earlier ones of its device.

    Args:
        connection: to the store.
        start: UTC; earlier ends are left out.
        end: UTC; tracks that begin at this moment or later are left out.
        most: the largest number of overlaps in `first`.
    """
    touching = (t.start_time < end, t.end_time >= start)
    earlier_end = (
        sa.func.max(epoch_us(t.end_time))
        .over(partition_by=t.device_id, order_by=t.start_time, rows=(None, -1))
        .label("earlier_end")
    )
    ordered = sa.select(t.device_id, epoch_us(t.start_time).label("start"), earlier_end).where(
        *touching
    )
    o = ordered.subquery()
    overlapping = sa.select(o).where(o.c.earlier_end > o.c.start)
    count = connection.scalar(sa.select(sa.func.count()).select_from(tracks).where(*touching))
    overlaps = connection.scalar(sa.select(sa.func.count()).select_from(overlapping.subquery()))
    rows = connection.execute(overlapping.order_by(o.c.start).limit(most))
    return Overlaps(count or 0, overlaps or 0, [Overlap(*row) for row in rows])
