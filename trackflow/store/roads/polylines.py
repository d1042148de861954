"""Cached polylines: the line of each window, and the data to join it to its neighbours."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import ONE_DAY, midnight
from trackflow.store import months
from trackflow.store.tables import cached_polylines
from trackflow.store.types import epoch_us

p = cached_polylines.c


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A window's final line as it is served.

    Attributes:
        start_us: when the window begins, in microseconds since 1970.
        end_us: when it ends, in microseconds since 1970.
        encoded_polyline: its line.
        is_raw: whether it follows no road.
        confidence: the engine's, from 0 to 1; None without one.
        matched_share: the share of the window that was matched, from 0 to 1.
    """

    start_us: int
    end_us: int
    encoded_polyline: str
    is_raw: bool
    confidence: float | None
    matched_share: float


def read_between(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> list[StoredLine]:
    """The lines of a device's days, in order of time.

    Args:
        connection: to the store.
        device_id: the device.
        first: the first day.
        last: the last day, included.
    """
    rows = connection.execute(
        sa.select(
            epoch_us(p.start_time),
            epoch_us(p.end_time),
            p.encoded_polyline,
            p.is_raw,
            p.confidence,
            p.matched_share,
        )
        .where(*_of_days(device_id, first, last))
        .order_by(p.start_time)
    )
    return [StoredLine(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class WindowLine:
    """A window's line with its device and day.

    Attributes:
        device_id: the device.
        day: the day that the window belongs to.
        start_us: when it begins, in microseconds since 1970.
        end_us: when it ends, in microseconds since 1970.
        encoded_polyline: its line.
        is_raw: whether it follows no road.
    """

    device_id: str
    day: dt.date
    start_us: int
    end_us: int
    encoded_polyline: str
    is_raw: bool


def iterate_days(connection: Connection, first: dt.date, last: dt.date) -> Iterator[WindowLine]:
    """The lines of all devices' days, by device and time; rows are read lazily."""
    query = _select_lines().where(*_on_days(first, last))
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield WindowLine(*row)


def read_day(connection: Connection, day: dt.date) -> list[WindowLine]:
    """The lines of all devices on a day, by device and time."""
    query = _select_lines().where(*_on_days(day, day))
    return [WindowLine(*row) for row in connection.execute(query)]


def _select_lines() -> sa.Select[Any]:
    return sa.select(
        p.device_id,
        p.day,
        epoch_us(p.start_time),
        epoch_us(p.end_time),
        p.encoded_polyline,
        p.is_raw,
    ).order_by(p.device_id, p.start_time)


def read_rows(connection: Connection, device_id: str) -> list[Mapping[str, Any]]:
    """All windows of a device as they are stored, in order of time."""
    query = sa.select(cached_polylines).where(p.device_id == device_id).order_by(p.start_time)
    return [dict(row) for row in connection.execute(query).mappings()]


LONGEST_WINDOW = dt.timedelta(hours=6, minutes=10)
"""A window ends where the next begins: after the longest gap that a device may allow."""


def read_paths(
    connection: Connection,
    device_ids: Sequence[str],
    start: dt.datetime,
    end: dt.datetime,
    limit: int,
) -> Sequence[Any]:
    """Lines of windows that overlap `[start, end)` as they are served, by device and time.

    Times in the rows are microseconds since 1970: thousands of them are converted faster at once.

    Args:
        connection: to the store.
        device_ids: the devices.
        start: UTC.
        end: UTC, not included.
        limit: the largest number of windows.
    """
    query = (
        sa.select(
            p.device_id,
            epoch_us(p.start_time),
            epoch_us(p.end_time),
            p.encoded_polyline,
            p.confidence,
            p.matched_share,
            p.is_raw,
            p.against_oneway,
            p.point_count,
        )
        .where(
            p.device_id.in_(device_ids),
            # a bound on the start, so that the index on it is used
            p.start_time > start - LONGEST_WINDOW,
            p.start_time < end,
            p.end_time > start,
        )
        .order_by(p.device_id, p.start_time)
        .limit(limit)
    )
    return connection.execute(query).all()


def note_read(
    connection: Connection,
    days: Mapping[str, tuple[dt.date, dt.date]],
    now: dt.datetime,
    stale: dt.datetime,
) -> int:
    """Note that lines were read; returns how many got a new time.

    Args:
        connection: in a transaction for writing.
        days: the first and the last day that were read, by device.
        now: the time, UTC.
        stale: lines with a time since then keep it, UTC.
    """
    changed = 0
    for device_id, (first, last) in days.items():
        changed += connection.execute(
            sa.update(cached_polylines)
            .where(
                *_of_days(device_id, first, last),
                sa.or_(p.last_accessed.is_(None), p.last_accessed < stale),
            )
            .values(last_accessed=now)
        ).rowcount
    return changed


def read_matches(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> dict[str, bytes]:
    """Cached matches of a device's days by input hash.

    Args:
        connection: to the store.
        device_id: the device.
        first: the first day.
        last: the last day, included.
    """
    rows = connection.execute(
        sa.select(p.input_hash, p.match).where(*_of_days(device_id, first, last))
    )
    return {input_hash: match for input_hash, match in rows}  # noqa: C416


def replace_day(
    connection: Connection,
    device_id: str,
    day: dt.date,
    new: Sequence[dict[str, Any]],
    now: dt.datetime,
) -> int:
    """Replace a day's lines, without rewriting equal ones; returns how many changed.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        day: the day.
        new: columns of the new lines, by name.
        now: the time, UTC.
    """
    stored = {
        row.start_time: (row.end_time, row.input_hash, row.encoded_polyline)
        for row in connection.execute(
            sa.select(p.start_time, p.end_time, p.input_hash, p.encoded_polyline).where(
                *_of_days(device_id, day, day)
            )
        )
    }
    wanted = {
        row["start_time"]: (row["end_time"], row["input_hash"], row["encoded_polyline"])
        for row in new
    }
    outdated = [start for start, content in stored.items() if wanted.get(start) != content]
    fresh = [row for row in new if stored.get(row["start_time"]) != wanted[row["start_time"]]]
    for start in outdated:
        connection.execute(
            sa.delete(cached_polylines).where(p.device_id == device_id, p.start_time == start)
        )
    if fresh:
        months.make(connection, cached_polylines, [day.replace(day=1)])
        connection.execute(
            sa.insert(cached_polylines),
            [{"device_id": device_id, "day": day, "created_at": now, **row} for row in fresh],
        )
    return len(set(outdated) | {row["start_time"] for row in fresh})


def _on_days(first: dt.date, last: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition for windows of all devices on some days, within the months of these."""
    start, end = (midnight(day) for day in (first, last + ONE_DAY))
    return p.day.between(first, last), p.start_time >= start, p.start_time < end


def _of_days(device_id: str, first: dt.date, last: dt.date) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition for windows of a device's days, for the index on their start."""
    start, end = (midnight(day) for day in (first, last + ONE_DAY))
    return p.device_id == device_id, p.start_time >= start, p.start_time < end
