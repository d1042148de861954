"""Lengths of tracks in whole millimetres, spread over their time."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import to_us
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_ids import longest
from trackflow.store.tables import devices, tracks
from trackflow.store.types import epoch_us
from trackflow.tracks.day_parts import TrackLength

t = tracks.c

BATCH_ROWS = 5000


@dataclass(frozen=True, slots=True)
class StoredLength:
    """A track's length over its time; `time_zone` is its device's own, None without one."""

    device_id: str
    time_zone: str | None
    length: TrackLength


def length_of(row: dict[str, Any]) -> TrackLength:
    """The length of a track's row, spread over its time."""
    return TrackLength.read(
        to_us(row["start_time"]),
        to_us(row["end_time"]),
        round(row["distance_m"] * 1000),
        row["quarters_mm"],
    )


def read_lengths(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> Iterator[StoredLength]:
    """The lengths of tracks that overlap `[start, end)`, in no order; rows are read lazily.

    Args:
        connection: a transaction that stays open while rows are read.
        device_ids: the devices, None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
    """
    query = (
        sa.select(
            t.device_id,
            devices.c.time_zone,
            epoch_us(t.start_time),
            epoch_us(t.end_time),
            t.distance_m,
            t.quarters_mm,
        )
        .join(devices, devices.c.device_id == t.device_id)
        .where(*of_devices(t.device_id, device_ids))
    )
    if start is not None:
        # a bound on the start, so that the index on it is used
        earliest = start - longest(connection)
        query = query.where(t.start_time >= earliest, t.end_time >= start)
    if end is not None:
        query = query.where(t.start_time < end)
    with connection.execute(query.execution_options(yield_per=BATCH_ROWS)) as rows:
        for device_id, zone, start_us, end_us, distance_m, quarters in rows:
            length = TrackLength.read(start_us, end_us, round(distance_m * 1000), quarters)
            yield StoredLength(device_id, zone, length)


def count_and_length_mm(connection: Connection) -> tuple[int, int]:
    """How many tracks there are, and their length in whole millimetres."""
    # a sum of floats would depend on the order of the rows
    length_mm = sa.cast(sa.func.round(t.distance_m * 1000), sa.BigInteger)
    count, total = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(length_mm), 0))
    ).one()
    return count, int(total)
