"""Queries for pages and exports: cheap enough for every call unless described as costly."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from trackflow.store.tables import (
    STAGES,
    cached_polylines,
    devices,
    gps_points,
    processing_batches,
)
from trackflow.store.types import UtcTime

b, d, g, p = processing_batches.c, devices.c, gps_points.c, cached_polylines.c

type Devices = Sequence[str] | None
"""Device ids; None means all."""

UNFINISHED = ("pending", "processing", "failed")


class day_start(FunctionElement[dt.datetime]):  # noqa: N801  named like an SQL function
    """The moment at which a day begins, from a date column and a number of days to add."""

    type = UtcTime()
    inherit_cache = True


@compiles(day_start, "sqlite")
def _day_start_sqlite(element: day_start, compiler: SQLCompiler, **kw: Any) -> str:
    day, more = [compiler.process(clause, **kw) for clause in element.clauses]
    return f"(CAST(strftime('%s', {day}) AS INTEGER) + 86400 * {more}) * 1000000"


@compiles(day_start, "postgresql")
def _day_start_postgresql(element: day_start, compiler: SQLCompiler, **kw: Any) -> str:
    day, more = [compiler.process(clause, **kw) for clause in element.clauses]
    return f"(CAST({day} + {more} AS timestamp) AT TIME ZONE 'UTC')"


def of_devices(column: sa.Column[str], device_ids: Devices) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that a column names one of some devices; none for all."""
    return () if device_ids is None else (column.in_(device_ids),)


def of_days(
    column: sa.Column[dt.date], first: dt.date | None, last: dt.date | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that a column names a day from a first to a last one; None for no limit."""
    found: list[sa.ColumnElement[bool]] = []
    if first is not None:
        found.append(column >= first)
    if last is not None:
        found.append(column <= last)
    return tuple(found)


def unmatched_days(
    connection: Connection, device_ids: Devices = None
) -> dict[str, tuple[int, dt.date]]:
    """Per device, the number of days with points that are not in its lines yet, and the first day.

    Devices without such days are left out.
    """
    rows = connection.execute(
        sa.select(b.device_id, sa.func.count(), sa.func.min(b.day))
        .where(
            b.status.in_(UNFINISHED),
            sa.or_(
                b.segmented_generation < b.generation,
                b.matched_generation < b.segmented_generation,
            ),
            *of_devices(b.device_id, device_ids),
        )
        .group_by(b.device_id)
    )
    return {device_id: (days, first) for device_id, days, first in rows}


def batch_totals(connection: Connection) -> dict[str, sa.Row[Any]]:
    """Per status: `batches`, their `points` as last counted, and their `last` change.

    `waiting_since` is the time since which the oldest undone work waits. Costly: reads all batches.
    """
    waits = sa.or_(*(b[f"{stage}_generation"] < b.generation for stage in STAGES))
    waiting = sa.case((waits, sa.func.coalesce(b.pending_since, b.updated_at)))
    rows = connection.execute(
        sa.select(
            b.status,
            sa.func.count().label("batches"),
            sa.func.coalesce(sa.func.sum(b.point_count), 0).label("points"),
            sa.func.max(b.updated_at).label("last"),
            sa.func.min(waiting).label("waiting_since"),
        ).group_by(b.status)
    )
    return {row.status: row for row in rows}


def unfinished_points(connection: Connection) -> int:
    """How many points lie on days that have work to do. Costly: reads all of them."""
    found = connection.scalar(
        sa.select(sa.func.count())
        .select_from(
            processing_batches.join(
                gps_points,
                sa.and_(
                    g.device_id == b.device_id,
                    g.recorded_at >= day_start(b.day, sa.literal(0)),
                    g.recorded_at < day_start(b.day, sa.literal(1)),
                ),
            )
        )
        .where(b.status.in_(UNFINISHED))
    )
    return found or 0


def line_count(connection: Connection) -> int:
    """How many windows have a line. Costly: reads an index of all windows."""
    return connection.scalar(sa.select(sa.func.count()).select_from(cached_polylines)) or 0


def active_devices(connection: Connection, since: dt.datetime) -> int:
    """How many devices have points since a moment; one index lookup for each."""
    some = sa.select(sa.literal(1)).where(g.device_id == d.device_id, g.recorded_at >= since)
    query = sa.select(sa.func.count()).select_from(devices).where(some.exists())
    return connection.scalar(query) or 0
