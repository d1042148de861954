"""The first and the last point of devices, looked for around the month of their first or last day.

Among the months of many years, PostgreSQL would look into each month for each device.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import midnight
from trackflow.store.dialects import is_among, listed
from trackflow.store.intake.hidings import hiding_devices, is_visible
from trackflow.store.months import following
from trackflow.store.tables import day_ledgers, devices, gps_points, processing_batches

BESIDE = dt.timedelta(days=2)
"""Retention keeps points of so many days before the first one with a batch or a ledger."""

d, g = devices.c, gps_points.c


class EdgePoint(NamedTuple):
    """A device's first or last point: its time, UTC, and its position in degrees."""

    recorded_at: dt.datetime
    longitude: float
    latitude: float


def edge_points(connection: Connection, ids: Sequence[str], *, last: bool) -> dict[str, EdgePoint]:
    """The first or the last point of devices, by device; those without any are left out.

    Hidden points do not count.
    """
    hiding = set(hiding_devices(connection, ids))
    found: dict[str, EdgePoint] = {}
    for month, some in _by_month(connection, ids, last=last).items():
        span = midnight(month) - BESIDE, midnight(following(month)) + BESIDE
        found |= _find(connection, some, hiding, span, last=last)
    # their days have lost all points, or hidden them, or they never had any
    left = [device_id for device_id in ids if device_id not in found]
    return found | _find(connection, left, hiding, None, last=last)


def _by_month(
    connection: Connection, ids: Sequence[str], *, last: bool
) -> dict[dt.date, list[str]]:
    """Devices by the month of the first or last day that has a batch or a ledger."""
    pick = sa.func.max if last else sa.func.min
    days = (
        sa.select(pick(table.c.day)).where(table.c.device_id == d.device_id).scalar_subquery()
        for table in (processing_batches, day_ledgers)
    )
    query = sa.select(d.device_id, *days).where(is_among(connection.dialect.name, d.device_id))
    found: dict[dt.date, list[str]] = defaultdict(list)
    for device_id, *ends in connection.execute(query, listed(connection, ids)):
        known = [day for day in ends if day is not None]
        if known:
            day = max(known) if last else min(known)
            found[day.replace(day=1)].append(device_id)
    return found


def _find(
    connection: Connection,
    ids: Sequence[str],
    hiding: set[str],
    span: tuple[dt.datetime, dt.datetime] | None,
    *,
    last: bool,
) -> dict[str, EdgePoint]:
    """The first or last points of devices within some time, or within all; `hiding` hide some."""
    plain = [device_id for device_id in ids if device_id not in hiding]
    found = _query(connection, plain, span, last=last, all_visible=True)
    others = [device_id for device_id in ids if device_id in hiding]
    return found | _query(connection, others, span, last=last, all_visible=False)


def _query(
    connection: Connection,
    ids: Sequence[str],
    span: tuple[dt.datetime, dt.datetime] | None,
    *,
    last: bool,
    all_visible: bool,
) -> dict[str, EdgePoint]:
    if not ids:
        return {}
    other = gps_points.alias()
    pick = sa.func.max if last else sa.func.min
    edge = sa.select(pick(other.c.recorded_at)).where(other.c.device_id == d.device_id)
    if not all_visible:
        edge = edge.where(is_visible(other.c))
    if span is not None:
        edge = edge.where(other.c.recorded_at.between(*span))
    among = is_among(connection.dialect.name, d.device_id)
    # PostgreSQL would look for the time again in each month, were it part of the join's condition
    times = sa.select(d.device_id, edge.scalar_subquery().label("recorded_at")).where(among)
    of = times.cte().prefix_with("MATERIALIZED", dialect="postgresql")
    met = sa.and_(g.device_id == of.c.device_id, g.recorded_at == of.c.recorded_at)
    query = sa.select(g.device_id, g.recorded_at, g.longitude, g.latitude)
    if span is not None:
        query = query.where(g.recorded_at.between(*span))
    query = query.select_from(of.join(gps_points, met))
    return {
        row.device_id: EdgePoint(*row[1:])
        for row in connection.execute(query, listed(connection, ids))
    }
