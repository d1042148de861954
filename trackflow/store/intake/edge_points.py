"""The first and the last point of devices.

On PostgreSQL they are looked for around the month of the device's first or last day: it would look
into each of the months of many years for each device. Statements are built once: building one takes
several times as long as to run it for a few devices.
"""

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import midnight
from trackflow.store.dialects import is_among, listed
from trackflow.store.intake.hidings import hiding_devices, is_visible
from trackflow.store.months import following
from trackflow.store.tables import day_ledgers, devices, gps_points, processing_batches
from trackflow.store.types import UtcTime

BESIDE = dt.timedelta(days=2)
"""Retention keeps points of so many days before the first one with a batch or a ledger."""

d, g = devices.c, gps_points.c


class EdgePoint(NamedTuple):
    """A device's first or last point: its time, UTC, and its position in degrees."""

    recorded_at: dt.datetime
    longitude: float
    latitude: float


type EdgePoints = dict[str, EdgePoint]
"""By device."""

type EndDays = dict[str, tuple[dt.date, dt.date]]
"""By device."""


def edge_points(connection: Connection, ids: Sequence[str], *, last: bool) -> EdgePoints:
    """The first or the last points of devices; those without any are left out.

    Hidden points do not count.
    """
    hiding = set(hiding_devices(connection, ids))
    return _edges(connection, ids, hiding, _end_days(connection, ids), last=last)


def both_edges(connection: Connection, ids: Sequence[str]) -> tuple[EdgePoints, EdgePoints]:
    """The first and the last points of devices, as `edge_points` finds them."""
    hiding = set(hiding_devices(connection, ids))
    days = _end_days(connection, ids)
    first, last = (_edges(connection, ids, hiding, days, last=last) for last in (False, True))
    return first, last


def _edges(
    connection: Connection, ids: Sequence[str], hiding: set[str], days: EndDays, *, last: bool
) -> EdgePoints:
    """The first or the last points of devices.

    Args:
        connection: to the store.
        ids: the devices.
        hiding: those that have hidden points.
        days: their first and last days, as far as they are known.
        last: the last points, not the first ones.
    """
    found: EdgePoints = {}
    by_month: dict[dt.date, list[str]] = defaultdict(list)
    for device_id, ends in days.items():
        by_month[ends[int(last)].replace(day=1)].append(device_id)
    for month, some in by_month.items():
        span = midnight(month) - BESIDE, midnight(following(month)) + BESIDE
        found |= _find(connection, some, hiding, span, last=last)
    # their days have lost all points, or hidden them, or they never had any
    left = [device_id for device_id in ids if device_id not in found]
    return found | _find(connection, left, hiding, None, last=last)


def _end_days(connection: Connection, ids: Sequence[str]) -> EndDays:
    """The first and last days that have a batch or a ledger; none where there are no months."""
    if connection.dialect.name != "postgresql":
        return {}
    found: EndDays = {}
    for device_id, *ends in connection.execute(_days_of(), listed(connection, ids)):
        known = [day for day in ends if day is not None]
        if known:
            found[device_id] = min(known), max(known)
    return found


@functools.cache
def _days_of() -> sa.Select[Any]:
    """Devices with their first and last days among batches, and among ledgers."""
    days = (
        sa.select(pick(table.c.day)).where(table.c.device_id == d.device_id).scalar_subquery()
        for table in (processing_batches, day_ledgers)
        for pick in (sa.func.min, sa.func.max)
    )
    return sa.select(d.device_id, *days).where(is_among("postgresql", d.device_id))


def _find(
    connection: Connection,
    ids: Sequence[str],
    hiding: set[str],
    span: tuple[dt.datetime, dt.datetime] | None,
    *,
    last: bool,
) -> EdgePoints:
    """The first or last points of devices within some time, or within all; `hiding` hide some."""
    found: EdgePoints = {}
    for all_visible in (True, False):
        some = [device_id for device_id in ids if (device_id not in hiding) is all_visible]
        if some:
            query = _points_of(connection.dialect.name, last, all_visible, span is not None)
            times = {"start": span[0], "end": span[1]} if span else {}
            for row in connection.execute(query, listed(connection, some) | times):
                found[row.device_id] = EdgePoint(*row[1:])
    return found


@functools.cache
def _points_of(dialect: str, last: bool, all_visible: bool, in_span: bool) -> sa.Select[Any]:
    """The first or last points of some devices, without the hidden ones, in a span or in all."""
    start, end = (sa.bindparam(name, type_=UtcTime) for name in ("start", "end"))
    other = gps_points.alias()
    theirs = [other.c.device_id == d.device_id]
    if not all_visible:
        theirs.append(is_visible(other.c))
    if in_span:
        theirs.append(other.c.recorded_at.between(start, end))
    if dialect == "postgresql":  # which would join each time in each month
        order = other.c.recorded_at.desc() if last else other.c.recorded_at
        found = sa.select(other.c.recorded_at, other.c.longitude, other.c.latitude).where(*theirs)
        first = found.order_by(order).limit(1).lateral()
        each = sa.select(d.device_id, *first.c).select_from(devices.join(first, sa.true()))
        return each.where(is_among(dialect, d.device_id))
    pick = sa.func.max if last else sa.func.min
    edge = sa.select(pick(other.c.recorded_at)).where(*theirs)
    times = sa.select(d.device_id, edge.scalar_subquery().label("recorded_at"))
    of = times.where(is_among(dialect, d.device_id)).cte()
    met = sa.and_(g.device_id == of.c.device_id, g.recorded_at == of.c.recorded_at)
    query = sa.select(g.device_id, g.recorded_at, g.longitude, g.latitude)
    return query.select_from(of.join(gps_points, met))
