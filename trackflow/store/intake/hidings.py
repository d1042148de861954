"""Hidings: which points of a device a person has left out, and the days that they change."""

import datetime as dt
import functools
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.geo.time import DAY_US, midnight, to_us
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import admission_rules
from trackflow.store.dialects import is_among, listed
from trackflow.store.intake.changed_days import changed_day
from trackflow.store.tables import gps_points, hidings
from trackflow.store.types import epoch_us
from trackflow.tracks.hiding import Hiding

h, p = hidings.c, gps_points.c

type PointColumns = sa.sql.base.ReadOnlyColumnCollection[str, sa.Column[Any]]
"""The columns of `gps_points` or of an alias of it."""


@dataclass(frozen=True, slots=True)
class StoredHiding:
    """A hiding as it is stored.

    Attributes:
        hiding_id: its id.
        device_id: the device whose points are hidden.
        start_time: from when, UTC; None for no limit.
        end_time: until when, UTC, not included; None for no limit.
        area: where; None for anywhere.
        hidden_by: name of the person.
        hidden_at: when, UTC.
        restored_by: name of the person who restored the points; None while they are hidden.
        restored_at: when, UTC.
    """

    hiding_id: uuid.UUID
    device_id: str
    start_time: dt.datetime | None
    end_time: dt.datetime | None
    area: Bbox | None
    hidden_by: str
    hidden_at: dt.datetime
    restored_by: str | None = None
    restored_at: dt.datetime | None = None

    @property
    def rule(self) -> Hiding:
        """The hiding as the rules take it."""
        start_us = None if self.start_time is None else to_us(self.start_time)
        end_us = None if self.end_time is None else to_us(self.end_time)
        return Hiding(start_us, end_us, self.area)


def add(connection: Connection, one: StoredHiding) -> None:
    """Store a hiding."""
    west, south, east, north = one.area or (None, None, None, None)
    connection.execute(
        sa.insert(hidings).values(
            hiding_id=one.hiding_id,
            device_id=one.device_id,
            start_time=one.start_time,
            end_time=one.end_time,
            west=west,
            south=south,
            east=east,
            north=north,
            hidden_by=one.hidden_by,
            hidden_at=one.hidden_at,
        )
    )


def read_one(connection: Connection, hiding_id: uuid.UUID) -> StoredHiding | None:
    """A hiding by its id."""
    found = _read(connection, sa.select(hidings).where(h.hiding_id == hiding_id))
    return found[0] if found else None


def read(
    connection: Connection, device_id: str | None = None, *, with_restored: bool = False
) -> list[StoredHiding]:
    """Hidings of one device or of all, in the order in which they were made."""
    query = sa.select(hidings).order_by(h.hidden_at, h.hiding_id)
    if device_id is not None:
        query = query.where(h.device_id == device_id)
    if not with_restored:
        query = query.where(h.restored_at.is_(None))
    return _read(connection, query)


def rules_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[Hiding]]:
    """The hidings that count, by device; devices without any are left out."""
    query = sa.select(hidings).where(
        is_among(connection.dialect.name, h.device_id), h.restored_at.is_(None)
    )
    found: dict[str, list[Hiding]] = defaultdict(list)
    for row in connection.execute(query, listed(connection, ids)):
        found[row.device_id].append(_stored(row).rule)
    return found


def set_restored(connection: Connection, hiding_id: uuid.UUID, by: str, now: dt.datetime) -> None:
    """Let a hiding count no more."""
    connection.execute(
        sa.update(hidings).where(h.hiding_id == hiding_id).values(restored_by=by, restored_at=now)
    )


def is_visible(points: PointColumns = p) -> sa.ColumnElement[bool]:
    """The condition that a row of `gps_points`, or of an alias of it, is not hidden."""
    return ~sa.exists().where(h.restored_at.is_(None), _covers(points))


def hiding_devices(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Those of some devices that have a hiding that counts."""
    return list(connection.scalars(_hiding(connection.dialect.name), listed(connection, ids)))


@functools.cache
def _hiding(dialect: str) -> sa.Select[Any]:
    query = sa.select(h.device_id).distinct()
    return query.where(is_among(dialect, h.device_id), h.restored_at.is_(None))


def mark_touched(connection: Connection, one: StoredHiding, now: dt.datetime) -> tuple[int, int]:
    """Mark the days of the points that a stored hiding covers, and those whose buffer they touch.

    The caller has locked the device.

    Returns:
        How many points it covers, and on how many days.
    """
    rules = admission_rules(connection, [one.device_id])
    time = epoch_us(p.recorded_at)
    day = sa.type_coerce(time // DAY_US, sa.BigInteger)
    query = (
        sa.select(day, sa.func.count(), sa.func.min(time), sa.func.max(time))
        .join(hidings, _covers(p))
        .where(h.hiding_id == one.hiding_id, p.device_id == one.device_id)
        .group_by(day)
    )
    # the columns of the hiding say the same, but only values can limit what is read
    if one.start_time is not None:
        query = query.where(p.recorded_at >= one.start_time)
    if one.end_time is not None:
        query = query.where(p.recorded_at < one.end_time)
    changed = [
        changed_day(one.device_id, int(index), count, (int(first_us), int(last_us)), rules)
        for index, count, first_us, last_us in connection.execute(query)
    ]
    return batch_marks.mark_pending(connection, changed, now), len(changed)


def move(
    connection: Connection,
    device_id: str,
    into: str,
    kept_from: dt.date | None,
    now: dt.datetime,
) -> None:
    """Move the hidings of a device to another one, whose points they hide as well from now on.

    Args:
        connection: in a transaction for writing; both devices are locked.
        device_id: the device to move from.
        into: the device to move to.
        kept_from: no point of the first device, and all that still changes of the second, lies
            before this day; None for no such day.
        now: the time, UTC.
    """
    moved = [replace(one, device_id=into) for one in read(connection, device_id)]
    connection.execute(sa.update(hidings).where(h.device_id == device_id).values(device_id=into))
    edge = None if kept_from is None else midnight(kept_from)
    for one in moved:
        limited = one
        if edge is not None and (one.start_time is None or one.start_time < edge):
            limited = replace(one, start_time=edge)
            set_times(connection, limited)
        mark_touched(connection, limited, now)


def set_times(connection: Connection, one: StoredHiding) -> None:
    """Store from when until when a hiding counts."""
    connection.execute(
        sa.update(hidings)
        .where(h.hiding_id == one.hiding_id)
        .values(start_time=one.start_time, end_time=one.end_time)
    )


def shift(
    connection: Connection,
    device_id: str,
    between: tuple[dt.datetime, dt.datetime],
    shift_by: dt.timedelta,
    now: dt.datetime,
) -> None:
    """Move hidings in time along with the points that they are about.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        between: the old times of the first and the last point that has moved; hidings with a begin
            and an end whose middle lies between them move.
        shift_by: by how much.
        now: the time, UTC.
    """
    first, last = between
    for one in read(connection, device_id):
        if one.start_time is None or one.end_time is None:
            continue
        if first <= one.start_time + (one.end_time - one.start_time) / 2 <= last:
            mark_touched(connection, one, now)
            start, end = one.start_time + shift_by, one.end_time + shift_by
            moved = replace(one, start_time=start, end_time=end)
            set_times(connection, moved)
            mark_touched(connection, moved, now)


def _covers(points: PointColumns) -> sa.ColumnElement[bool]:
    """The condition that a hiding covers a point: `Hiding.covers` in SQL."""
    p = points
    after_west, before_east = p.longitude >= h.west, p.longitude <= h.east
    between = sa.case(
        (h.west > h.east, sa.or_(after_west, before_east)),
        else_=sa.and_(after_west, before_east),
    )
    return sa.and_(
        h.device_id == p.device_id,
        sa.or_(h.start_time.is_(None), p.recorded_at >= h.start_time),
        sa.or_(h.end_time.is_(None), p.recorded_at < h.end_time),
        sa.or_(h.west.is_(None), sa.and_(p.latitude.between(h.south, h.north), between)),
    )


def _read(connection: Connection, query: sa.Select[Any]) -> list[StoredHiding]:
    return [_stored(row) for row in connection.execute(query)]


def _stored(row: sa.Row[Any]) -> StoredHiding:
    return StoredHiding(
        hiding_id=row.hiding_id,
        device_id=row.device_id,
        start_time=row.start_time,
        end_time=row.end_time,
        area=None if row.west is None else Bbox(row.west, row.south, row.east, row.north),
        hidden_by=row.hidden_by,
        hidden_at=row.hidden_at,
        restored_by=row.restored_by,
        restored_at=row.restored_at,
    )
