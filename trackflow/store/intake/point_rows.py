"""Points as rows, for exports."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import gps_points

p = gps_points.c

BATCH_ROWS = 50_000


def iterate_points(
    connection: Connection,
    columns: Sequence[str],
    *,
    first: dt.datetime | None,
    last: dt.datetime | None,
    device_id: str | None,
) -> Iterator[Mapping[str, Any]]:
    """Points of `[first, last)` by device and time, read as they are asked for.

    Args:
        connection: to the store.
        columns: names of the columns that are wanted.
        first: aware; None for no limit.
        last: aware; None for no limit.
        device_id: of this device only; None for all.
    """
    query = sa.select(*(p[name] for name in columns)).order_by(p.device_id, p.recorded_at)
    if first is not None:
        query = query.where(p.recorded_at >= first)
    if last is not None:
        query = query.where(p.recorded_at < last)
    if device_id is not None:
        query = query.where(p.device_id == device_id)
    rows: Any = connection.execution_options(yield_per=BATCH_ROWS).execute(query).mappings()
    yield from rows
