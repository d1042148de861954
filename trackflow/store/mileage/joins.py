"""Joins: times in which all tracks of a device are one trip."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.decided import shift_times, undo_row
from trackflow.store.mileage.tables import trip_joins

j = trip_joins.c


def read_joins(connection: Connection, device_id: str | None = None) -> list[sa.Row[Any]]:
    """Joins that count, in the order in which they were decided."""
    query = sa.select(trip_joins).where(j.undone_at.is_(None)).order_by(j.decided_at, j.join_id)
    if device_id is not None:
        query = query.where(j.device_id == device_id)
    return list(connection.execute(query))


def add_join(
    connection: Connection,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime,
    decided_by: str,
    now: dt.datetime,
) -> uuid.UUID:
    """Store that all tracks of a device in a time are one trip; returns the join's id.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        start: UTC.
        end: UTC.
        decided_by: the person.
        now: the time, UTC.
    """
    join_id = uuid.uuid4()
    connection.execute(
        sa.insert(trip_joins).values(
            join_id=join_id,
            device_id=device_id,
            start_time=start,
            end_time=end,
            decided_by=decided_by,
            decided_at=now,
        )
    )
    return join_id


def undo_join(connection: Connection, join_id: uuid.UUID, now: dt.datetime) -> bool:
    """Let a join count no more; returns whether it counted before."""
    return undo_row(connection, j.join_id, join_id, now)


def shift_joins(
    connection: Connection,
    device_id: str,
    between: tuple[dt.datetime, dt.datetime],
    shift_by: dt.timedelta,
) -> None:
    """Move joins in time along with the points that they are about (`shift_times`)."""
    shift_times(connection, j.join_id, device_id, between, shift_by)
