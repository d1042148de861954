"""Marking batches: new points, changed settings or another road network give them work to do."""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import insert_of, listed_pairs, pairs_as_table
from trackflow.store.tables import processing_batches
from trackflow.store.types import UtcTime

b = processing_batches.c


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """A device's day that got points, and whether they lie in a neighbouring day's buffer."""

    device_id: str
    day: dt.date
    points: int
    touches_previous: bool
    touches_next: bool


type StaleCondition = sa.ColumnElement[bool]
"""A condition on batches: their lines are to be made again."""


WITHOUT_ROADS = ""
"""What the lines of a batch were matched on while matching was switched off."""


def matched_on_other(version: str | None) -> StaleCondition:
    """Up-to-date batches whose lines were made without roads, or on another network than this.

    Args:
        version: of the network in use; None where only the engine knows it.
    """
    other = b.matched_on == WITHOUT_ROADS
    if version is not None:
        other = sa.and_(b.matched_on.is_not(None), b.matched_on != version)
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
    # a neighbour without a batch has no points, so there is nothing to do again
    mark_again(connection, neighbours - marked, now)
    return sum(c.points for c in changed)


def mark_again(
    connection: Connection, days: Iterable[tuple[str, dt.date]], now: dt.datetime
) -> None:
    """Give existing batches a new generation, so that every stage looks at them again."""
    keys = sorted(days)
    if keys:
        update = _mark(connection.dialect.name)
        connection.execute(update, listed_pairs(connection, keys) | {"now": now})


@functools.cache
def _insert_or_mark(dialect: str) -> sa.Executable:
    """Batches for days that have none, a new generation for those that have one."""
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
    """A new generation for batches that there are."""
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

    Days that are not matched yet will read the new points anyway; marking them would do each
    day of a backfill twice. One that is being matched just now looks again before it publishes.
    Their own segments stay valid.
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
    """Let the lines of a device's batches be made again, their segments stay; returns how many.

    Those that somebody works on just now are left for the next time. The caller holds the device.
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
    """Make every failed batch pending again, as a person asks for it; returns how many."""
    return connection.execute(
        sa.update(processing_batches).where(b.status == "failed").values(_one_more_generation(now))
    ).rowcount


type Moment = dt.datetime | sa.ColumnElement[dt.datetime]
"""A time, or the parameter that brings it."""


def _one_more_generation(now: Moment) -> dict[str, object]:
    return {
        "generation": b.generation + 1,
        # whoever works on it goes on; it completes only the generation that it has read
        "status": sa.case((b.status == "processing", "processing"), else_="pending"),
        "pending_since": _since(now, b.status == "completed"),
        "retry_count": 0,
        "next_try_at": None,
        "error_message": None,
        "updated_at": now,
    }


def _since(now: Moment, is_new: sa.ColumnElement[bool]) -> sa.ColumnElement[dt.datetime]:
    """Since when there has been work to do: now if it `is_new`, else as before."""
    moment = sa.literal(now, UtcTime()) if isinstance(now, dt.datetime) else now
    return sa.case((is_new, moment), else_=b.pending_since)
