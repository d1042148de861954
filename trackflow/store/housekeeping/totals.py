"""Counts over the whole store. Costly: they read all rows."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import cached_polylines, devices, gps_points, quarantined_points


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """Counts of a store's rows.

    Attributes:
        devices: known devices.
        points: stored points.
        first_point: the time of the first point, UTC; None without any.
        last_point: the time of the last point, UTC; None without any.
        windows: windows with a line.
        raw_windows: those of them that follow no road.
        quarantined: refused inputs by reason, the most frequent first.
    """

    devices: int
    points: int
    first_point: dt.datetime | None
    last_point: dt.datetime | None
    windows: int
    raw_windows: int
    quarantined: dict[str, int]


def read_totals(connection: Connection) -> StoreTotals:
    """Count everything."""
    p, c, q = gps_points.c, cached_polylines.c, quarantined_points.c
    count = sa.func.count
    points, first, last = connection.execute(
        sa.select(count(), sa.func.min(p.recorded_at), sa.func.max(p.recorded_at))
    ).one()
    windows, raw_windows = connection.execute(
        sa.select(count(), count(sa.case((c.is_raw, 1)))).select_from(cached_polylines)
    ).one()
    reasons = connection.execute(
        sa.select(q.reason, count()).group_by(q.reason).order_by(count().desc())
    )
    return StoreTotals(
        devices=connection.scalar(sa.select(count()).select_from(devices)) or 0,
        points=points,
        first_point=first,
        last_point=last,
        windows=windows,
        raw_windows=raw_windows,
        quarantined={reason: number for reason, number in reasons},  # noqa: C416
    )
