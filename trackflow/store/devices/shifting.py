"""Moves points in time whose receiver's week count restarted: they lie 1,024 weeks early.

Moved points keep their source with the shift appended, so that the opposite shift finds exactly
these points again.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Ints
from trackflow.geo.time import ONE_DAY, from_us, midnight, to_us
from trackflow.sources.records import PointBatch
from trackflow.store.days import batch_marks
from trackflow.store.intake import conflicts
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.tables import gps_points, quarantined_points, receipts, replaced_points
from trackflow.store.types import epoch_us

p, q = gps_points.c, quarantined_points.c

type PointMapping = sa.RowMapping
"""A stored point; `time_us` is its time in microseconds."""

KEYS = 500
"""Per statement: databases limit how many values one may have."""

STREAMED = {"yield_per": 10_000}
"""A device of years has millions of points, of which only the times are held at once."""


@dataclass(frozen=True, slots=True)
class DayRange:
    """Days from `first` to `last`, both included; None for all before or after."""

    first: dt.date | None = None
    last: dt.date | None = None


def mark_of(weeks: int) -> str:
    """The ending of a moved point's source; after a slash, as for a file in an archive."""
    return f"/moved by {weeks} weeks"


def moved_before(connection: Connection, device_id: str, days: DayRange, weeks: int) -> bool:
    """Whether some points of the days were moved by a number of weeks.

    Args:
        connection: to the store.
        device_id: the device.
        days: its days.
        weeks: the shift in weeks.
    """
    query = sa.select(sa.literal(1)).where(
        p.device_id == device_id, p.source.endswith(mark_of(weeks)), *_within(days)
    )
    return connection.scalar(query.limit(1)) is not None


def read_times(
    connection: Connection, device_id: str, days: DayRange, moved_by: int | None
) -> Ints:
    """Times of the points of days in microseconds since 1970, in order.

    Args:
        connection: to the store.
        device_id: the device.
        days: its days.
        moved_by: only points that were moved by so many weeks; None for all.
    """
    moved = () if moved_by is None else (p.source.endswith(mark_of(moved_by)),)
    return _times(connection, p.device_id == device_id, *_within(days), *moved)


def taken(connection: Connection, device_id: str, times_us: Ints) -> Ints:
    """Those of some sorted times (µs since 1970) at which the device has a point."""
    if not len(times_us):
        return times_us
    stored = _times(connection, p.device_id == device_id, _between(p.recorded_at, times_us))
    return np.intersect1d(stored, times_us, assume_unique=True)


def read_rows(connection: Connection, device_id: str, times_us: Ints) -> list[PointMapping]:
    """Points of sorted times with all their columns and their import, in order of time."""
    query = sa.select(
        epoch_us(p.recorded_at).label("time_us"),
        *list(gps_points.columns)[2:],
        sa.func.coalesce(receipts.c.import_id, "").label("import_id"),
    ).outerjoin(receipts, receipts.c.received_seq == p.received_seq)
    query = query.where(p.device_id == device_id, _between(p.recorded_at, times_us))
    wanted = set(times_us.tolist())
    rows = connection.execute(query.order_by(p.recorded_at), execution_options=STREAMED)
    return [row for row in rows.mappings() if row["time_us"] in wanted]


def batch_of(
    device_id: str, rows: Sequence[PointMapping] | Sequence[dict[str, Any]], shift_us: int = 0
) -> PointBatch:
    """Points as a delivery, at their new times; a value that a row lacks is unknown."""

    def column(name: str) -> Any:
        return np.array([np.nan if r.get(name) is None else r[name] for r in rows], np.float64)

    return PointBatch(
        (device_id,),
        np.zeros(len(rows), np.int32),
        np.array([row["time_us"] + shift_us for row in rows], np.int64),
        column("longitude"),
        column("latitude"),
        column("altitude_m"),
        column("accuracy_m"),
        column("speed_ms"),
        column("course_deg"),
    )


def take_out(connection: Connection, device_id: str, times_us: Ints, now: dt.datetime) -> None:
    """Delete points that are about to be stored anew; mark their days and the neighbouring ones.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        times_us: times of the points, in microseconds since 1970.
        now: the time, UTC.
    """
    times = [from_us(time) for time in times_us.tolist()]
    for start in range(0, len(times), KEYS):
        some = times[start : start + KEYS]
        for table in (gps_points, replaced_points):
            mine = table.c.device_id == device_id
            connection.execute(sa.delete(table).where(mine, table.c.recorded_at.in_(some)))
    days = {time.date() for time in times}
    beside = {(device_id, day + k * ONE_DAY) for day in days for k in (-1, 0, 1)}
    batch_marks.mark_again(connection, beside, now)


def move_conflicts(
    connection: Connection, device_id: str, times_us: Ints, shift_us: int, now: dt.datetime
) -> None:
    """Move the points that lost against moved points of equal time.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        times_us: old times of the moved points, in microseconds since 1970, in order.
        shift_us: the shift in microseconds.
        now: the time, UTC.
    """
    query = sa.select(quarantined_points).where(
        q.device_id == device_id, q.reason == EQUAL_TIME, _between(q.recorded_at, times_us)
    )
    moved = set(times_us.tolist())
    rows = connection.execute(query, execution_options=STREAMED)
    found = [row for row in rows.mappings() if to_us(row["recorded_at"]) in moved]
    conflicts.move_conflicts(connection, found, shift_us)
    days = {from_us(to_us(row["recorded_at"]) + shift_us).date() for row in found}
    batch_marks.mark_again(connection, {(device_id, day) for day in days}, now)


def _times(connection: Connection, *conditions: sa.ColumnElement[bool]) -> Ints:
    query = sa.select(epoch_us(p.recorded_at)).where(*conditions).order_by(p.recorded_at)
    found = connection.execute(query, execution_options=STREAMED).scalars()
    return np.fromiter(found, np.int64)


def _between(time: "sa.Column[dt.datetime]", times_us: Ints) -> sa.ColumnElement[bool]:
    return time.between(from_us(int(times_us[0])), from_us(int(times_us[-1])))


def _within(days: DayRange) -> list[sa.ColumnElement[bool]]:
    within = []
    if days.first is not None:
        within.append(p.recorded_at >= midnight(days.first))
    if days.last is not None:
        within.append(p.recorded_at < midnight(days.last + ONE_DAY))
    return within
