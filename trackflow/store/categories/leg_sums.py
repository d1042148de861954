"""Sums over legs and tracks by day: what is shown of a day, and what its checks look at."""

import datetime as dt
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import DAY_US, ONE_DAY, day_of_index, midnight
from trackflow.store.categories.legs import overlapping
from trackflow.store.categories.tables import categories, category_rule_uses, legs, mode_corrections
from trackflow.store.tables import tracks
from trackflow.store.types import epoch_us

g, t, c, m = legs.c, tracks.c, categories.c, mode_corrections.c


class ModeSum(NamedTuple):
    """The legs of one mode that begin on a day."""

    day: dt.date
    mode: str
    legs: int
    distance_m: float


def by_day_and_mode(connection: Connection, first: dt.date, last: dt.date) -> list[ModeSum]:
    """Number and distance of the legs that begin on each day, by mode."""
    day = _day_of(g.start_time)
    query = (
        sa.select(day, g.mode, sa.func.count(), sa.func.sum(g.distance_m))
        .where(*_within(g.start_time, first, last))
        .group_by(day, g.mode)
        .order_by(day, g.mode)
    )
    return [ModeSum(day_of_index(row[0]), *row[1:]) for row in connection.execute(query)]


def tracks_by_day(
    connection: Connection, first: dt.date, last: dt.date
) -> dict[dt.date, tuple[int, int]]:
    """Number of the tracks that begin on each day, and of those without a category."""
    day = _day_of(t.start_time)
    same = sa.and_(c.device_id == t.device_id, c.start_time == t.start_time)
    query = (
        sa.select(day, sa.func.count(), sa.func.count(c.category))
        .select_from(tracks.outerjoin(categories, same))
        .where(*_within(t.start_time, first, last))
        .group_by(day)
    )
    return {
        day_of_index(index): (count, count - categorized)
        for index, count, categorized in connection.execute(query)
    }


def corrections_by_day(connection: Connection, first: dt.date, last: dt.date) -> dict[dt.date, int]:
    """Number of the corrections that count and begin on each day."""
    day = _day_of(m.start_time)
    query = (
        sa.select(day, sa.func.count())
        .where(*_within(m.start_time, first, last), m.undone_at.is_(None))
        .group_by(day)
    )
    return {day_of_index(index): count for index, count in connection.execute(query)}


def any_rules(connection: Connection) -> bool:
    """Whether rules were ever put into use."""
    return connection.scalar(sa.select(sa.literal(1)).select_from(category_rule_uses)) is not None


def track_times(connection: Connection, day: dt.date) -> list[sa.Row[Any]]:
    """Device, start, end and number of points of the tracks that begin on a day, in order."""
    query = (
        sa.select(t.device_id, t.start_time, t.end_time, t.point_count)
        .where(*_within(t.start_time, day, day))
        .order_by(t.device_id, t.start_time)
    )
    return list(connection.execute(query))


def leg_times(connection: Connection, start: dt.datetime, end: dt.datetime) -> list[sa.Row[Any]]:
    """Device, start and end of the legs that touch `[start, end]`, by device and start."""
    query = (
        sa.select(g.device_id, g.start_time, g.end_time)
        .where(*overlapping(start, None), g.start_time <= end)
        .order_by(g.device_id, g.start_time)
    )
    return list(connection.execute(query))


def leg_speeds(connection: Connection, day: dt.date) -> list[sa.Row[Any]]:
    """Device, mode, distance and times of the legs that begin on a day, by device and start."""
    query = (
        sa.select(g.device_id, g.mode, g.distance_m, g.start_time, g.end_time)
        .where(*_within(g.start_time, day, day))
        .order_by(g.device_id, g.start_time)
    )
    return list(connection.execute(query))


def _day_of(time: "sa.ColumnElement[dt.datetime]") -> "sa.ColumnElement[int]":
    return sa.type_coerce(epoch_us(time) // DAY_US, sa.BigInteger)


def _within(
    time: "sa.ColumnElement[dt.datetime]", first: dt.date, last: dt.date
) -> tuple[sa.ColumnElement[bool], ...]:
    return time >= midnight(first), time < midnight(last + ONE_DAY)
