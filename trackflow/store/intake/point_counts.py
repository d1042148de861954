"""How many points there are by device and day, counted one by one."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import DAY_US, ONE_DAY, day_of_index, midnight
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.tables import devices, gps_points, quarantined_points
from trackflow.store.types import epoch_us


def points_by_day(
    connection: Connection, first: dt.date, last: dt.date
) -> dict[tuple[str, dt.date], int]:
    """Stored points by device and day.

    The query joins by device, as the table's key begins with it: for a condition on time alone, a
    database would read all points.
    """
    d, p = devices.c, gps_points.c
    day = sa.type_coerce(epoch_us(p.recorded_at) // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(d.device_id, day, sa.func.count())
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
    return {(device, day_of_index(index)): count for device, index, count in rows}


def conflicts_by_day(
    connection: Connection, first: dt.date, last: dt.date
) -> dict[tuple[str, dt.date], int]:
    """Points that lost against another of equal time, by device and day."""
    q = quarantined_points.c
    day = sa.type_coerce(epoch_us(q.recorded_at) // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(devices.c.device_id, day, sa.func.count())
        .join(
            quarantined_points,
            sa.and_(
                q.device_id == devices.c.device_id,
                q.recorded_at >= midnight(first),
                q.recorded_at < midnight(last + ONE_DAY),
            ),
        )
        .where(q.reason == EQUAL_TIME)
        .group_by(devices.c.device_id, day)
    )
    return {(device, day_of_index(index)): count for device, index, count in rows}
