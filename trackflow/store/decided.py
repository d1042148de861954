"""What people decided: rows that count until they are undone, for a time of a device."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def undo_row(connection: Connection, key: sa.Column[Any], value: object, now: dt.datetime) -> bool:
    """Let a row count no more; returns whether it counted before.

    Args:
        connection: in a transaction for writing.
        key: the primary key of a table with `undone_at`.
        value: of the row.
        now: the time, UTC.
    """
    changed = connection.execute(
        sa.update(key.table)
        .where(key == value, key.table.c.undone_at.is_(None))
        .values(undone_at=now)
    )
    return changed.rowcount > 0


def shift_times(
    connection: Connection,
    key: sa.Column[Any],
    device_id: str,
    between: tuple[dt.datetime, dt.datetime],
    shift_by: dt.timedelta,
) -> None:
    """Move rows in time along with the points that they are about; also those that are undone.

    Args:
        connection: in a transaction for writing.
        key: the primary key of a table with `device_id`, `start_time` and `end_time`.
        device_id: the device.
        between: the times of the first and the last point that moves; rows whose middle lies
            between them move.
        shift_by: by how much.
    """
    first, last = between
    c = key.table.c
    rows = connection.execute(
        sa.select(key.label("key"), c.start_time, c.end_time).where(
            c.device_id == device_id, c.start_time <= last, c.end_time >= first
        )
    ).all()
    for row in rows:
        if first <= row.start_time + (row.end_time - row.start_time) / 2 <= last:
            times = {"start_time": row.start_time + shift_by, "end_time": row.end_time + shift_by}
            connection.execute(sa.update(key.table).where(key == row.key).values(times))
