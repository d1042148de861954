"""Sums over tracks by day of a time zone: all kilometres of days, anywhere, come from here.

There is no second copy of them that could be out of step. A track that lies in one day is added up
by the database, from an index. Only tracks that are divided by a midnight are read one by one; they
keep their amounts by quarters of an hour, so that the parts add up to the whole.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.calendar_days import DayRun
from trackflow.geo.time import from_us, to_us
from trackflow.store.categories.tables import categories
from trackflow.store.days.mode_travel import read_mode_travel
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_conditions import touching
from trackflow.store.days.track_ids import longest
from trackflow.store.days.travel_rows import Per, TravelQuery, TravelRow, reached_kmh
from trackflow.store.tables import devices, tracks
from trackflow.store.types import epoch_us
from trackflow.tracks.day_parts import TrackLength, within

t, c = tracks.c, categories.c

BATCH_ROWS = 5000


def time_span(connection: Connection, device_ids: Devices) -> tuple[int, int] | None:
    """The first begin and the last end of tracks, in microseconds; None without tracks."""
    first = sa.select(sa.func.min(t.start_time)).where(*of_devices(t.device_id, device_ids))
    newest = sa.select(sa.func.max(t.start_time)).where(*of_devices(t.device_id, device_ids))
    begun, last = connection.scalar(first), connection.scalar(newest)
    if begun is None or last is None:
        return None
    ends = sa.select(sa.func.max(t.end_time)).where(
        t.start_time >= last - longest(connection), *of_devices(t.device_id, device_ids)
    )
    ended: dt.datetime | None = connection.scalar(ends)
    return to_us(begun), to_us(ended or last)


def own_zones(connection: Connection, device_ids: Devices) -> dict[str, str | None]:
    """The time zone that each device was given, in order of devices; None without one."""
    d = devices.c
    query = sa.select(d.device_id, d.time_zone).where(*of_devices(d.device_id, device_ids))
    return {row.device_id: row.time_zone for row in connection.execute(query.order_by(d.device_id))}


def read_travel(connection: Connection, wanted: TravelQuery) -> Iterator[TravelRow]:
    """Sums by day and key, in no order; several rows of one day and key are to be added up."""
    if wanted.per is Per.MODE:
        yield from read_mode_travel(connection, wanted)
        return
    lines = _lines(connection, wanted)
    yield from _whole(connection, wanted, lines)
    yield from _divided(connection, wanted, lines)


def _lines(connection: Connection, wanted: TravelQuery) -> sa.Subquery:
    """A line for each track that touches the time, with the days of its begin and end."""
    start_us, end_us = epoch_us(t.start_time), epoch_us(t.end_time)
    start, end = from_us(wanted.start_us), from_us(wanted.end_us)
    found = sa.select(
        t.device_id,
        t.start_time,
        start_us.label("start_us"),
        end_us.label("end_us"),
        # a sum of floats would depend on the order of the rows
        sa.cast(sa.func.round(t.distance_m * 1000), sa.BigInteger).label("length_mm"),
        t.max_speed_kmh,
        t.idle_ms,
        t.climb_cm,
        _key(wanted.per).label("key"),
    ).where(
        *touching(connection, t, start, end),
        *of_devices(t.device_id, wanted.device_ids),
    )
    if wanted.per is Per.CATEGORY:
        same = sa.and_(c.device_id == t.device_id, c.start_time == t.start_time)
        found = found.outerjoin_from(tracks, categories, same)
    if wanted.per is Per.GROUP:
        found = found.outerjoin_from(tracks, devices, devices.c.device_id == t.device_id)
    lines = found.subquery("lines")
    until = sa.case((lines.c.end_us > lines.c.start_us, lines.c.end_us - 1), else_=lines.c.start_us)
    return sa.select(
        *lines.c,
        _day(lines.c.start_us, wanted.runs).label("first_day"),
        _day(until, wanted.runs).label("last_day"),
    ).subquery("dated")


def _key(per: Per | None) -> sa.ColumnElement[str | None]:
    if per is Per.DEVICE:
        return t.device_id
    if per is Per.GROUP:
        return devices.c.group_name
    if per is Per.CATEGORY:
        return c.category
    return sa.literal(None, sa.Text)


def _day(moment: sa.ColumnElement[int], runs: Sequence[DayRun]) -> sa.ColumnElement[int]:
    """The ordinal of a moment's day; 0 before the first day, -1 after the last one."""
    branches: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[int]]] = [
        (moment < runs[0].begin_us, sa.literal(0, sa.BigInteger))
    ]
    for run in runs:
        day = (moment - run.begin_us) // run.length_us + run.first
        branches.append((moment < run.end_us, sa.type_coerce(day, sa.BigInteger)))
    return sa.case(*branches, else_=sa.literal(-1, sa.BigInteger))


def _whole(connection: Connection, wanted: TravelQuery, lines: sa.Subquery) -> Iterator[TravelRow]:
    x = lines.c
    count = sa.func.count()
    query = (
        sa.select(
            x.first_day,
            x.key if wanted.per else sa.null(),
            count,
            count,
            sa.func.sum(x.length_mm),
            sa.func.sum(x.end_us - x.start_us),
            sa.func.max(x.length_mm),
            sa.func.max(x.max_speed_kmh),
            sa.func.sum(x.idle_ms),
            sa.func.sum(x.climb_cm),
        )
        .where(x.first_day == x.last_day, x.first_day > 0)
        .group_by(x.first_day, *([x.key] if wanted.per else []))
    )
    for row in connection.execute(query):
        # sums of whole numbers are decimals on PostgreSQL
        yield TravelRow(
            row[0], row[1], row[2], row[3], int(row[4]), int(row[5]), row[6], row[7],
            None if row[8] is None else int(row[8]), None if row[9] is None else int(row[9]),
        )  # fmt: skip


def _divided(
    connection: Connection, wanted: TravelQuery, lines: sa.Subquery
) -> Iterator[TravelRow]:
    x = lines.c
    same = sa.and_(t.device_id == x.device_id, t.start_time == x.start_time)
    query = (
        sa.select(
            x.device_id, x.start_us, x.end_us, x.length_mm, x.max_speed_kmh, x.key,
            t.quarters_mm, t.quarters_idle_ms, t.quarters_climb_cm,
            epoch_us(t.fastest_at).label("fastest_us"),
        )
        .join(tracks, same)
        .where(x.first_day != x.last_day)
        .order_by(x.device_id, x.start_us)
        .execution_options(yield_per=BATCH_ROWS)
    )  # fmt: skip
    with connection.execute(query) as rows:
        for row in rows:
            yield from _parts(row, row.key if wanted.per else None, wanted)


def _parts(row: Any, key: str | None, wanted: TravelQuery) -> Iterator[TravelRow]:
    """The parts of a track by day."""
    start_us, end_us = row.start_us, row.end_us
    length = TrackLength.read(start_us, end_us, row.length_mm, row.quarters_mm)
    for day, begin_us, finish_us in _days(wanted.runs, start_us, end_us):
        length_mm = length.between(begin_us, finish_us)
        # at which moment of the track it was so fast is known, so it counts there alone
        top_kmh = row.max_speed_kmh
        if row.fastest_us is None or not begin_us <= row.fastest_us < finish_us:
            top_kmh = min(top_kmh, float(reached_kmh(length_mm, finish_us - begin_us)))
        yield TravelRow(
            day, key, 1, 0, length_mm, finish_us - begin_us, length_mm, top_kmh,
            within(row.quarters_idle_ms, start_us, end_us, begin_us, finish_us),
            within(row.quarters_climb_cm, start_us, end_us, begin_us, finish_us),
        )  # fmt: skip
    if wanted.start_us <= start_us < wanted.end_us:
        ((day, *_),) = _days(wanted.runs, start_us, start_us + 1)
        yield TravelRow(day, key, 0, 1, 0, 0, 0, 0.0, None, None)


def _days(runs: Sequence[DayRun], start_us: int, end_us: int) -> Iterator[tuple[int, int, int]]:
    """The days that a time touches, each with the part that lies in it."""
    for run in runs:
        low_us, high_us = max(start_us, run.begin_us), min(max(end_us, start_us + 1), run.end_us)
        if low_us >= high_us:
            continue
        first = (low_us - run.begin_us) // run.length_us
        last = (high_us - 1 - run.begin_us) // run.length_us
        inner = [run.begin_us + k * run.length_us for k in range(first + 1, last + 1)]
        for k, (begin_us, finish_us) in enumerate(pairwise([low_us, *inner, high_us])):
            yield run.first + first + k, begin_us, finish_us
