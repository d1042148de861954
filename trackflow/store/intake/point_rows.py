"""Points as rows with all their columns, for exports."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.intake import hidings
from trackflow.store.tables import gps_points

POINT_COLUMNS = (
    "device_id",
    "recorded_at",
    "longitude",
    "latitude",
    "altitude_m",
    "accuracy_m",
    "speed_ms",
    "course_deg",
    "source",
)

BATCH_ROWS = 50_000
"""Rows that are fetched at a time, so that memory stays bounded."""


def point_rows(
    connection: Connection,
    first: dt.datetime | None,
    last: dt.datetime | None,
    device_id: str | None,
) -> Iterator[dict[str, Any]]:
    """The values of `POINT_COLUMNS` of points in `[first, last)`, by device and time.

    Hidden points are left out.

    Args:
        connection: a transaction that stays open while rows are read.
        first: UTC; None for no limit.
        last: UTC; None for no limit.
        device_id: None for all devices.
    """
    p = gps_points.c
    query = sa.select(*(p[name] for name in POINT_COLUMNS)).order_by(p.device_id, p.recorded_at)
    if first is not None:
        query = query.where(p.recorded_at >= first)
    if last is not None:
        query = query.where(p.recorded_at < last)
    if device_id is not None:
        query = query.where(p.device_id == device_id)
    if hidings.read(connection, device_id):
        query = query.where(hidings.is_visible())
    for row in connection.execution_options(yield_per=BATCH_ROWS).execute(query):
        yield dict(zip(POINT_COLUMNS, row, strict=True))
