"""Rows of legs: parts of tracks in one travel mode."""

import datetime as dt
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.categories.legs import Leg
from trackflow.geo.time import from_us, midnight_us, to_us
from trackflow.store.categories.tables import legs
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_ids import longest
from trackflow.store.tables import segments, tracks
from trackflow.store.types import UtcTime

leg, t = legs.c, tracks.c

MOST_KEYS = 500
"""Keys per statement: databases limit how many values one may have."""

LONGEST_LEG = dt.timedelta(days=32)
"""None is longer than the month at whose turn journeys are cut."""

LEG_COLUMNS = (
    "device_id",
    "start_time",
    "end_time",
    "mode",
    "probability",
    "distance_m",
    "decided_by",
)
"""What exports show, in this order."""


def first_segment_us(connection: Connection, device_id: str) -> int | None:
    """When the first day begins whose points are kept, in microseconds since 1970."""
    found: dt.date | None = connection.scalar(
        sa.select(sa.func.min(segments.c.day)).where(segments.c.device_id == device_id)
    )
    return None if found is None else midnight_us(found)


def track_spans(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> list[tuple[int, int]]:
    """Start and end of tracks that touch `[start_us, end_us]`, in order, UTC microseconds."""
    start, end = from_us(start_us), from_us(end_us)
    query = (
        sa.select(t.start_time, t.end_time)
        .where(
            t.device_id == device_id,
            # a bound on the start, so that the index on it is used
            t.start_time.between(start - longest(connection), end),
            t.end_time >= start,
        )
        .order_by(t.start_time)
    )
    return [(to_us(row.start_time), to_us(row.end_time)) for row in connection.execute(query)]


def leg_spans(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> list[tuple[int, int]]:
    """Start and end of stored legs that touch `[start_us, end_us]`, in order."""
    start, end = from_us(start_us), from_us(end_us)
    # legs of a device follow one another: of those that begin earlier, only the last may touch it
    before = (
        sa.select(sa.func.max(leg.start_time))
        .where(leg.device_id == device_id, leg.start_time <= start)
        .scalar_subquery()
    )
    query = (
        sa.select(leg.start_time, leg.end_time)
        .where(
            leg.device_id == device_id,
            leg.start_time >= sa.func.coalesce(before, sa.literal(start, UtcTime())),
            leg.start_time <= end,
            leg.end_time >= start,
        )
        .order_by(leg.start_time)
    )
    return [(to_us(row.start_time), to_us(row.end_time)) for row in connection.execute(query)]


def overlapping(
    start: dt.datetime | None, end: dt.datetime | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that a leg overlaps `[start, end)`; None for no limit."""
    found: list[sa.ColumnElement[bool]] = []
    if start is not None:
        # a bound on the start, so that the index on it is used
        found += [leg.start_time >= start - LONGEST_LEG, leg.end_time >= start]
    if end is not None:
        found.append(leg.start_time < end)
    return tuple(found)


def replace_between(
    connection: Connection, device_id: str, start_us: int, end_us: int, new: Sequence[Leg]
) -> int:
    """Replace a device's legs that begin in `[start_us, end_us]`; equal ones are not rewritten.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        start_us: UTC microseconds since 1970.
        end_us: the same, included.
        new: the legs of this time.

    Returns:
        How many rows were written or removed.
    """
    between = sa.and_(
        leg.device_id == device_id, leg.start_time.between(from_us(start_us), from_us(end_us))
    )
    stored = {
        row["start_time"]: dict(row)
        for row in connection.execute(sa.select(legs).where(between)).mappings()
    }
    rows = {from_us(one.start_us): _row(device_id, one) for one in new}
    gone = [key for key, row in stored.items() if rows.get(key) != row]
    added = [row for key, row in rows.items() if stored.get(key) != row]
    for some in itertools.batched(gone, MOST_KEYS):
        connection.execute(
            sa.delete(legs).where(leg.device_id == device_id, leg.start_time.in_(some))
        )
    if added:
        connection.execute(sa.insert(legs), added)
    return len(set(gone) | {row["start_time"] for row in added})


def _row(device_id: str, one: Leg) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "start_time": from_us(one.start_us),
        "end_time": from_us(one.end_us),
        "mode": one.mode.value,
        "probability": one.probability,
        "distance_m": one.distance_mm / 1000,
        "decided_by": one.decided_by,
        # as it comes back from the database, so that equal rows are equal
        "evidence": json.loads(json.dumps(dict(one.evidence))),
    }


def read_legs(
    connection: Connection,
    device_ids: Devices = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Legs that overlap `[start, end)`, by device and start, read one by one.

    Args:
        connection: a transaction that stays open while rows are read.
        device_ids: the devices, None for all.
        start: UTC; None for no limit.
        end: UTC, not included; None for no limit.
        limit: the largest number of legs; None for all.
    """
    query = (
        sa.select(legs)
        .where(*of_devices(leg.device_id, device_ids), *overlapping(start, end))
        .order_by(leg.device_id, leg.start_time)
        .limit(limit)
    )
    for row in connection.execution_options(yield_per=500).execute(query).mappings():
        yield dict(row)


def leg_at(connection: Connection, device_id: str, time: dt.datetime) -> dict[str, Any] | None:
    """The leg that covers a moment, None if there is none."""
    query = (
        sa.select(legs)
        .where(leg.device_id == device_id, leg.start_time <= time, leg.end_time >= time)
        .order_by(leg.start_time.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)
