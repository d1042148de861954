"""Marks batches as pending after new points, changed settings or another road network."""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.matching.coverage import NOWHERE
from trackflow.store.dialects import insert_of, listed_pairs, pairs_as_table
from trackflow.store.tables import processing_batches
from trackflow.store.types import UtcTime

b = processing_batches.c


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """A device's day that got points.

    Attributes:
        device_id: the device.
        day: the day.
        points: how many points.
        touches_previous: whether one of them lies in the buffer of the day before.
        touches_next: whether one of them lies in the buffer of the day after.
    """

    device_id: str
    day: dt.date
    points: int
    touches_previous: bool
    touches_next: bool


type StaleCondition = sa.ColumnElement[bool]
"""A condition on batches whose lines have to be recomputed."""


WITHOUT_ROADS = ""
"""The network version of lines that were made while matching was switched off."""


def matched_on_other(versions: Sequence[str] | None) -> StaleCondition:
    """The condition that up-to-date lines were made without roads or on another network.

    Args:
        versions: of the networks in use; None where only the engine knows it.
    """
    other = b.matched_on == WITHOUT_ROADS
    if versions is not None:
        left: sa.ColumnElement[str] = b.matched_on
        for known in (*versions, NOWHERE, " "):
            left = sa.func.replace(left, known, "")
        # None before lines are made: comparing it with anything is not true
        other = sa.or_(other, left != "")
    return sa.and_(other, b.matched_generation >= b.segmented_generation)


def mark_pending(connection: Connection, changed: Sequence[ChangedDay], now: dt.datetime) -> int:
    """Mark days that got points, and neighbours whose buffer they touch; returns the points."""
    marked = {(c.device_id, c.day) for c in changed}
    if marked:
        insert = _insert_or_mark(connection.dialect.name)
        connection.execute(insert, listed_pairs(connection, sorted(marked)) | {"now": now})
    neighbours = {
        (c.device_id, c.day + dt.timedelta(days=offset))
        for c in changed
        for offset, touched in ((-1, c.touches_previous), (1, c.touches_next))
        if touched
    }
    # a neighbour without a batch has no points, so there is nothing to recompute
    mark_again(connection, neighbours - marked, now)
    return sum(c.points for c in changed)


def mark_again(
    connection: Connection, days: Iterable[tuple[str, dt.date]], now: dt.datetime
) -> None:
    """Give existing batches a new generation, so that every stage processes them again."""
    keys = sorted(days)
    if keys:
        update = _mark(connection.dialect.name)
        connection.execute(update, listed_pairs(connection, keys) | {"now": now})


@functools.cache
def _insert_or_mark(dialect: str) -> sa.Executable:
    """An upsert: batches for days that have none, a new generation for the others."""
    given = pairs_as_table(dialect, ("device_id", "day"), sa.Date())
    now = sa.bindparam("now", type_=UtcTime())
    columns = ("device_id", "day", "created_at", "updated_at", "pending_since")
    rows = sa.select(given.c.device_id, given.c.day, now, now, now).where(sa.true())
    insert = insert_of(dialect, processing_batches).from_select(columns, rows)
    return insert.on_conflict_do_update(
        index_elements=["device_id", "day"], set_=_one_more_generation(now)
    )


@functools.cache
def _mark(dialect: str) -> sa.Executable:
    """An update: a new generation for existing batches."""
    given = pairs_as_table(dialect, ("device_id", "day"), sa.Date())
    now = sa.bindparam("now", type_=UtcTime())
    return (
        sa.update(processing_batches)
        .where(b.device_id == given.c.device_id, b.day == given.c.day)
        .values(_one_more_generation(now))
    )


def mark_neighbours_matched(
    connection: Connection, device_id: str, days: Sequence[dt.date], now: dt.datetime
) -> None:
    """Mark neighbouring days again whose lines were made with points that have changed since.

    Days that are not matched yet will read the new points anyway: marking them would process each
    day of a backfill twice. A worker that is matching one now checks again before it publishes.
    The segments of the days stay valid.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        days: the neighbouring days.
        now: the time, UTC.
    """
    still_segmented = sa.case(
        (b.segmented_generation == b.generation, b.generation + 1), else_=b.segmented_generation
    )
    connection.execute(
        sa.update(processing_batches)
        .where(
            b.device_id == device_id,
            b.day.in_(days),
            b.matched_generation == b.generation,
        )
        .values(_one_more_generation(now) | {"segmented_generation": still_segmented})
    )


def match_again(
    connection: Connection, device_id: str, stale: StaleCondition, now: dt.datetime
) -> int:
    """Mark batches of a device to be matched again, without new segments; returns how many.

    Batches that a worker has claimed are left for the next call. The caller has locked the device.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        stale: the condition of the batches to mark.
        now: the time, UTC.
    """
    return connection.execute(
        sa.update(processing_batches)
        .where(b.device_id == device_id, stale, b.status.in_(("pending", "completed")))
        .values(
            matched_generation=b.segmented_generation - 1,
            status="pending",
            pending_since=_since(now, b.status == "completed"),
            retry_count=0,
            next_try_at=None,
            error_message=None,
            updated_at=now,
        )
    ).rowcount


def retry_failed(connection: Connection, now: dt.datetime) -> int:
    """Make every failed batch pending again, on a person's request; returns how many."""
    return connection.execute(
        sa.update(processing_batches).where(b.status == "failed").values(_one_more_generation(now))
    ).rowcount


type Moment = dt.datetime | sa.ColumnElement[dt.datetime]
"""A time, or the parameter of a statement for it."""


def _one_more_generation(now: Moment) -> dict[str, object]:
    return {
        "generation": b.generation + 1,
        # a worker that has claimed it goes on; it completes only the generation that it has read
        "status": sa.case((b.status == "processing", "processing"), else_="pending"),
        "pending_since": _since(now, b.status == "completed"),
        "retry_count": 0,
        "next_try_at": None,
        "error_message": None,
        "updated_at": now,
    }


def _since(now: Moment, is_new: sa.ColumnElement[bool]) -> sa.ColumnElement[dt.datetime]:
    """The time since which there is work to do: now if it `is_new`, else as before."""
    moment = sa.literal(now, UtcTime()) if isinstance(now, dt.datetime) else now
    return sa.case((is_new, moment), else_=b.pending_since)
