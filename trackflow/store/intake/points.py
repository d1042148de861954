"""Stored points, read as arrays."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Floats, Ints, Points
from trackflow.geo.time import DAY_US, day_of_index, from_us, to_us
from trackflow.store.dialects import is_among, listed
from trackflow.store.intake import hidings
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.tables import gps_points, quarantined_points
from trackflow.store.types import epoch_us
from trackflow.tracks.climbs import Heights
from trackflow.tracks.hiding import split_hidden


def read_points(connection: Connection, device_id: str, start_us: int, end_us: int) -> Points:
    """The points of a device in a time range, in order of time, without those that are hidden.

    Args:
        connection: to the store.
        device_id: the device.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, not included.
    """
    return read_split(connection, device_id, start_us, end_us)[0]


def read_split(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> tuple[Points, Points]:
    """The points of a device in a time range, and those that are hidden; both in order of time.

    Args:
        connection: to the store.
        device_id: the device.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, not included.
    """
    found = read_all(connection, device_id, start_us, end_us)
    rules = hidings.rules_of(connection, [device_id])
    return split_hidden(found, rules.get(device_id, ()))


def read_all(connection: Connection, device_id: str, start_us: int, end_us: int) -> Points:
    """The points of a device in a time range, in order of time; hidden ones are among them.

    Args:
        connection: to the store.
        device_id: the device.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, not included.
    """
    p = gps_points.c
    rows = connection.execute(
        sa.select(epoch_us(p.recorded_at), p.longitude, p.latitude, p.accuracy_m)
        .where(
            p.device_id == device_id,
            p.recorded_at >= from_us(start_us),
            p.recorded_at < from_us(end_us),
        )
        .order_by(p.recorded_at)
    ).fetchall()
    if not rows:
        return Points.empty()
    # microseconds of this century are exact in a float64: one conversion for all columns
    table = np.array([tuple(row) for row in rows], dtype=np.float64)
    return Points.of(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3])


def read_heights(connection: Connection, device_id: str, start_us: int, end_us: int) -> Heights:
    """The heights of a device in a time, in order of time; points without one are left out.

    Args:
        connection: to the store.
        device_id: the device.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, included.
    """
    p = gps_points.c
    rows = connection.execute(
        sa.select(epoch_us(p.recorded_at), p.altitude_m)
        .where(
            p.device_id == device_id,
            p.recorded_at.between(from_us(start_us), from_us(end_us)),
            p.altitude_m.is_not(None),
        )
        .order_by(p.recorded_at)
    ).fetchall()
    times, metres = zip(*rows, strict=True) if rows else ((), ())
    heights_cm = np.rint(np.array(metres, dtype=np.float64) * 100).astype(np.int64)
    return Heights(np.array(times, dtype=np.int64), heights_cm)


def read_reported(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> tuple[Ints, Floats, Floats]:
    """Times, speeds in km/h and heights in metres that a device reported, in order of time.

    Args:
        connection: to the store.
        device_id: the device.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, not included.

    Returns:
        Arrays of shape (n,); NaN for what was not reported.
    """
    p = gps_points.c
    rows = connection.execute(
        sa.select(epoch_us(p.recorded_at), p.speed_ms, p.altitude_m)
        .where(
            p.device_id == device_id,
            p.recorded_at >= from_us(start_us),
            p.recorded_at < from_us(end_us),
        )
        .order_by(p.recorded_at)
    ).fetchall()
    times, speeds, heights = zip(*rows, strict=True) if rows else ((), (), ())
    return (
        np.array(times, dtype=np.int64),
        np.array(speeds, dtype=np.float64) * 3.6,
        np.array(heights, dtype=np.float64),
    )


def newest_points(connection: Connection, device_id: str, most: int) -> Points:
    """The newest points of a device, in order of time."""
    p = gps_points.c
    query = sa.select(epoch_us(p.recorded_at)).where(p.device_id == device_id)
    newest = query.order_by(p.recorded_at.desc())
    oldest_us = connection.scalar(newest.offset(most - 1).limit(1))
    if oldest_us is None:
        oldest_us = connection.scalar(query.order_by(p.recorded_at).limit(1))
    last_us = connection.scalar(newest.limit(1))
    if oldest_us is None or last_us is None:
        return Points.empty()
    return read_points(connection, device_id, oldest_us, last_us + 1)


def count_points(connection: Connection, device_id: str, start_us: int, end_us: int) -> int:
    """How many points a device has in `[start_us, end_us)`, UTC microseconds since 1970."""
    p = gps_points.c
    query = sa.select(sa.func.count()).where(
        p.device_id == device_id,
        p.recorded_at >= from_us(start_us),
        p.recorded_at < from_us(end_us),
    )
    return connection.scalar(query) or 0


def span_us(connection: Connection, device_id: str) -> tuple[int, int] | None:
    """Times of the first and last point of a device."""
    p = gps_points.c
    first, last = connection.execute(
        sa.select(sa.func.min(p.recorded_at), sa.func.max(p.recorded_at)).where(
            p.device_id == device_id
        )
    ).one()
    return None if first is None else (to_us(first), to_us(last))


def conflicts_by_day(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> dict[dt.date, int]:
    """How many points lost against another of equal time, by day.

    Args:
        connection: to the store.
        device_id: the device.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, not included.
    """
    found = conflicts_of(connection, [device_id], start_us, end_us)
    return {day: count for (_, day), count in found.items()}


def conflicts_of(
    connection: Connection, ids: Sequence[str], start_us: int, end_us: int
) -> dict[tuple[str, dt.date], int]:
    """As `conflicts_by_day`, of several devices.

    Args:
        connection: to the store.
        ids: the devices.
        start_us: microseconds since 1970.
        end_us: microseconds since 1970, not included.

    Returns:
        Counts by device and day.
    """
    q = quarantined_points.c
    day = sa.type_coerce(epoch_us(q.recorded_at) // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(q.device_id, day, sa.func.count())
        .where(
            is_among(connection.dialect.name, q.device_id),
            q.reason == EQUAL_TIME,
            q.recorded_at >= from_us(start_us),
            q.recorded_at < from_us(end_us),
        )
        .group_by(q.device_id, day),
        listed(connection, ids),
    )
    return {(name, day_of_index(index)): count for name, index, count in rows}
