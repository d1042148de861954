"""Versions of a day's points: a few numbers that change whenever the points do."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import DAY_US, ONE_DAY, day_of_index, midnight
from trackflow.store.tables import devices, gps_points
from trackflow.store.types import epoch_us

type PointsState = tuple[int, int, int, int]
"""Count, newest receipt, first and last time (µs since 1970) of a device's points of a day."""


def read_states(
    connection: Connection, first: dt.date, last: dt.date
) -> dict[tuple[str, dt.date], PointsState]:
    """The state of the points of each device and day that has any.

    The query joins by device, as the table's key begins with it: for a condition on time alone, a
    database would read all points.
    """
    d, p = devices.c, gps_points.c
    time_us = epoch_us(p.recorded_at)
    day = sa.type_coerce(time_us // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(
            d.device_id,
            day,
            sa.func.count(),
            sa.func.max(p.received_seq),
            sa.type_coerce(sa.func.min(time_us), sa.BigInteger),
            sa.type_coerce(sa.func.max(time_us), sa.BigInteger),
        )
        .join(
            gps_points,
            sa.and_(
                p.device_id == d.device_id,
                p.recorded_at >= midnight(first),
                p.recorded_at < midnight(last + ONE_DAY),
            ),
        )
        .group_by(d.device_id, day)
    )
    return {
        (device, day_of_index(int(index))): (count, newest, int(start_us), int(end_us))
        for device, index, count, newest, start_us, end_us in rows
    }
