"""Sums by day over all devices: ledgers, segments, windows, and how long each stage took."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import ONE_DAY, midnight
from trackflow.store.tables import cached_polylines, day_ledgers, processing_batches, segments
from trackflow.store.types import epoch_us

b = processing_batches.c


@dataclass(frozen=True, slots=True)
class LedgerSum:
    """A day's points by their class, over all devices.

    Attributes:
        day: the day.
        devices: how many have a ledger for it.
        points: all points.
        on_track: points of tracks.
        in_stops: points of stops.
        dropped: spikes, inaccurate points and duplicates.
    """

    day: dt.date
    devices: int
    points: int
    on_track: int
    in_stops: int
    dropped: int


@dataclass(frozen=True, slots=True)
class SegmentSum:
    """A day's segments: how many, and their length with the links between them."""

    day: dt.date
    segments: int
    length_mm: int


@dataclass(frozen=True, slots=True)
class WindowSum:
    """A day's windows.

    Attributes:
        day: the day.
        windows: how many.
        raw_windows: those of them that follow no road.
        points: points that were sent to the engine.
        driven_s: the total duration of the windows in seconds.
        matched_s: the part of it that was matched to roads.
    """

    day: dt.date
    windows: int
    raw_windows: int
    points: int
    driven_s: float
    matched_s: float


def ledger_sums(connection: Connection, first: dt.date, last: dt.date) -> list[LedgerSum]:
    """Sums of the ledgers of each day that has any."""
    c, total = day_ledgers.c, sa.func.sum
    rows = connection.execute(
        sa.select(
            c.day,
            sa.func.count(),
            total(c.points),
            total(c.track),
            total(c.stop),
            total(c.spike + c.inaccurate + c.duplicate),
        )
        .where(c.day.between(first, last))
        .group_by(c.day)
    )
    return [LedgerSum(day, devices, *(int(sum_) for sum_ in sums)) for day, devices, *sums in rows]


def segment_sums(connection: Connection, first: dt.date, last: dt.date) -> list[SegmentSum]:
    """Sums of the segments of each day that has any."""
    s = segments.c
    rows = connection.execute(
        sa.select(s.day, sa.func.count(), sa.func.sum(s.distance_mm + s.link_mm))
        .where(s.day.between(first, last))
        .group_by(s.day)
    )
    return [SegmentSum(day, count, int(length_mm)) for day, count, length_mm in rows]


def window_sums(connection: Connection, first: dt.date, last: dt.date) -> list[WindowSum]:
    """Sums of the windows of each day that has any."""
    c = cached_polylines.c
    seconds_long = (epoch_us(c.end_time) - epoch_us(c.start_time)) / 1e6
    on_roads = sa.case((c.is_raw, 0.0), else_=seconds_long * c.matched_share)
    rows = connection.execute(
        sa.select(
            c.day,
            sa.func.count(),
            sa.func.count(sa.case((c.is_raw, 1))),
            sa.func.sum(c.source_coordinates_count),
            sa.func.sum(seconds_long),
            sa.func.sum(on_roads),
        )
        .where(
            c.day.between(first, last),
            # only the partitions of these months are read
            c.start_time >= midnight(first),
            c.start_time < midnight(last + ONE_DAY),
        )
        .group_by(c.day)
    )
    return [
        WindowSum(day, windows, raw, int(points), float(driven_s), float(matched_s))
        for day, windows, raw, points, driven_s, matched_s in rows
    ]


def stage_seconds(
    connection: Connection, column: str, first: dt.date, last: dt.date
) -> dict[dt.date, float]:
    """Seconds of work that a stage last took, by day.

    Args:
        connection: to the store.
        column: the column of the stage's milliseconds: segment_ms, match_ms or track_ms.
        first: the first day.
        last: the last day, included.
    """
    rows = connection.execute(
        sa.select(b.day, sa.func.sum(b[column]))
        .where(b.day.between(first, last), b[column].is_not(None))
        .group_by(b.day)
    )
    return {day: round(milliseconds / 1000, 4) for day, milliseconds in rows}


def matched_days(connection: Connection, first: dt.date, last: dt.date) -> set[tuple[str, dt.date]]:
    """Devices and days whose lines are up to date with their points."""
    rows = connection.execute(
        sa.select(b.device_id, b.day).where(
            b.day.between(first, last), b.matched_generation == b.generation
        )
    )
    return {(row.device_id, row.day) for row in rows}


def unmatched_batches(connection: Connection, first: dt.date, last: dt.date) -> int:
    """How many batches wait for matching."""
    query = sa.select(sa.func.count()).where(*_waits_for_lines(first, last))
    return connection.scalar(query) or 0


def unmatched_messages(
    connection: Connection, first: dt.date, last: dt.date, most: int
) -> Sequence[str]:
    """Different error messages of the batches that wait for matching.

    Args:
        connection: to the store.
        first: the first day.
        last: the last day, included.
        most: the largest number of messages.
    """
    return connection.scalars(
        sa.select(b.error_message)
        .distinct()
        .where(*_waits_for_lines(first, last), b.error_message.is_not(None))
        .limit(most)
    ).all()


def _waits_for_lines(first: dt.date, last: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    return b.day.between(first, last), b.matched_generation < b.generation


def newest_day(connection: Connection, upto: dt.date) -> dt.date | None:
    """The last day with a batch, no later than `upto`; None if there is none."""
    found: dt.date | None = connection.scalar(sa.select(sa.func.max(b.day)).where(b.day <= upto))
    return found


def has_batch(connection: Connection, day: dt.date) -> bool:
    """Whether any device has a batch on that day."""
    return connection.scalar(sa.select(b.day).where(b.day == day).limit(1)) is not None
