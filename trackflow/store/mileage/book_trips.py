"""The tracks that entries are made of, with what they were for."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.categories.tables import categories
from trackflow.store.days.track_conditions import touching
from trackflow.store.tables import tracks

t, c = tracks.c, categories.c


def read_book_trips(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> list[sa.Row[Any]]:
    """Tracks of a device that overlap `[start, end)`, in order of time.

    Args:
        connection: to the store.
        device_id: the device.
        start: UTC.
        end: UTC, not included.
    """
    same = sa.and_(c.device_id == t.device_id, c.start_time == t.start_time)
    query = (
        sa.select(
            t.device_id,
            t.start_time,
            t.end_time,
            t.track_id,
            t.distance_m,
            t.average_speed_kmh,
            t.max_speed_kmh,
            t.matched_share,
            c.category,
            c.purpose,
            c.partner,
            c.rate,
            c.origins,
        )
        .select_from(tracks.outerjoin(categories, same))
        .where(
            t.device_id == device_id,
            *touching(connection, t, start, end),
        )
        .order_by(t.start_time)
    )
    return list(connection.execute(query))
