"""Batches: which device-days have work to do, who does it, and what became of it.

A batch is one device's day. `generation` counts the reasons to work on it, and each stage keeps
the generation of what it last worked on: the points' for segments, the segments' for what is made
of them. The batch is completed when all stages have caught up. A claim is a lease with an epoch:
whoever publishes states its epoch in the same transaction, so a worker that lost its lease changes
nothing.
"""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import StaleClaimError
from trackflow.geo.time import day_of_index as day_of_index
from trackflow.geo.time import midnight as midnight
from trackflow.store.clocks import is_impossible, is_over
from trackflow.store.days.batch_state import (
    LONGEST_REST_S,
    BatchState,
    StageRun,
    after_abandoning,
    after_deferring,
    after_failure,
    after_success,
)
from trackflow.store.dialects import insert_of, listed_pairs, pairs_as_table
from trackflow.store.tables import STAGES, processing_batches
from trackflow.store.types import UtcTime

b = processing_batches.c

LONGEST_LEASE_S = 86_400.0
"""The most that TRACKFLOW_LEASE_S may be."""


@dataclass(frozen=True, slots=True)
class ChangedDay:
    """A device's day that got points, and whether they lie in a neighbouring day's buffer."""

    device_id: str
    day: dt.date
    points: int
    touches_previous: bool
    touches_next: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one stage of a batch until the lease ends; `generation` is its input's."""

    device_id: str
    day: dt.date
    stage: str
    generation: int
    epoch: int

    @property
    def run(self) -> StageRun:
        """What is done under this claim."""
        return StageRun(self.stage, self.generation)


type Stale = sa.ColumnElement[bool]
"""A condition on batches: their lines are to be made again."""

WITHOUT_ROADS = ""
"""What the lines of a batch were matched on while matching was switched off."""


def matched_on_other(version: str | None) -> Stale:
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


def pending(
    connection: Connection,
    stage: str,
    now: dt.datetime,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
    every: bool = False,
    lease_s: float = LONGEST_LEASE_S,
) -> list[tuple[str, dt.date]]:
    """Device-days that `stage` should work on now, by device and day.

    Args:
        connection: of the store.
        stage: of `STAGES`.
        now: the time.
        first: no days before this one.
        last: no days after this one.
        device_id: only this device.
        every: whether something waits or not.
        lease_s: how long a lease may be.
    """
    query = sa.select(b.device_id, b.day).order_by(b.device_id, b.day)
    if first is not None:
        query = query.where(b.day >= first)
    if last is not None:
        query = query.where(b.day <= last)
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    if not every:
        query = query.where(is_due(stage, now, lease_s))
    return [(row.device_id, row.day) for row in connection.execute(query)]


def days_of(connection: Connection, device_id: str) -> set[dt.date]:
    """The days of a device that have a batch."""
    return set(connection.scalars(sa.select(b.day).where(b.device_id == device_id)))


def count_unfinished(connection: Connection, device_id: str) -> int:
    """How many batches of a device are not completed."""
    query = sa.select(sa.func.count()).where(b.device_id == device_id, b.status != "completed")
    return connection.scalar(query) or 0


def first_day(connection: Connection) -> dt.date | None:
    """The first day of any device, None while there are no points."""
    day: dt.date | None = connection.scalar(sa.select(sa.func.min(b.day)))
    return day


def in_work(connection: Connection, device_id: str, days: Sequence[dt.date]) -> list[dt.date]:
    """Those of a device's days that somebody has claimed."""
    query = sa.select(b.day).where(
        b.device_id == device_id, b.day.in_(days), b.status == "processing"
    )
    return list(connection.scalars(query.order_by(b.day)))


def claim(
    connection: Connection,
    device_id: str,
    day: dt.date,
    stage: str,
    *,
    lease_s: float,
    now: dt.datetime,
    force: bool = False,
) -> Claim | None:
    """Take a batch for a stage, or None when somebody else has it or there is nothing to do."""
    free = sa.or_(b.status != "processing", is_abandoned(now, lease_s))
    row = connection.execute(
        sa.update(processing_batches)
        .where(
            b.device_id == device_id, b.day == day, free if force else is_due(stage, now, lease_s)
        )
        .values(
            status="processing",
            epoch=b.epoch + 1,
            lease_until=now + dt.timedelta(seconds=lease_s),
            updated_at=now,
        )
        .returning(_input_of(stage).label("input"), b.epoch)
    ).one_or_none()
    return None if row is None else Claim(device_id, day, stage, row.input, row.epoch)


def finish(
    connection: Connection,
    done: Claim,
    now: dt.datetime,
    *,
    changed: bool,
    **measured: float | str | None,
) -> None:
    """Note a stage as done at the generation that was read, in the publishing transaction.

    If it `changed` anything, later stages have to look at it, even where they have been done at
    this generation already: without it (the road engine was away), or with what was there before.

    Raises:
        StaleClaimError: the lease was taken over; the caller's transaction must not commit.
    """
    state = _locked_state(connection, done)
    _settle(connection, done, after_success(state, done.run, now, changed=changed), now, **measured)


def fail(
    connection: Connection, failed: Claim, message: str, max_tries: int, now: dt.datetime
) -> None:
    """Count a failed try: later ones wait longer, and after `max_tries` none follows.

    Args:
        connection: of the store.
        failed: what failed.
        message: why, for people.
        max_tries: after so many it is given up.
        now: the time.

    Raises:
        StaleClaimError: the lease was taken over.
    """
    state = _locked_state(connection, failed)
    following = after_failure(state, failed.run, now, message=message, max_tries=max_tries)
    _settle(connection, failed, following, now)


def defer(
    connection: Connection, claimed: Claim, message: str, now: dt.datetime, *, at_once: bool = False
) -> None:
    """Give a batch back untried (the engine is down), with the reason for people to read.

    Args:
        connection: of the store.
        claimed: what is given back.
        message: why, for people.
        now: the time.
        at_once: the reason is over already: the next worker may take it.

    Raises:
        StaleClaimError: the lease was taken over.
    """
    state = _locked_state(connection, claimed)
    following = after_deferring(state, claimed.run, message=message, at_once=at_once)
    _settle(connection, claimed, following, now)


@dataclass(frozen=True, slots=True)
class Freed:
    """A batch whose worker was not heard of until its lease ended; `failed` if it is given up."""

    device_id: str
    day: dt.date
    tries: int
    failed: bool


def free_abandoned(
    connection: Connection,
    device_id: str,
    max_tries: int,
    now: dt.datetime,
    *,
    lease_s: float = LONGEST_LEASE_S,
) -> list[Freed]:
    """Free a device's batches whose lease has ended, and count the try of each.

    A lease that no clock of today can have given says nothing of its worker: no try is counted.
    The caller has locked the device.

    Args:
        connection: of the store.
        device_id: the device.
        max_tries: after how many it is given up.
        now: the time.
        lease_s: how long a lease may be.
    """
    found = connection.execute(
        _states(b.device_id == device_id, is_abandoned(now, lease_s)).order_by(b.day)
    )
    freed = []
    for row in found.all():
        state = after_abandoning(
            _state_of(row), is_tried=row.lease_until < now, max_tries=max_tries
        )
        connection.execute(
            sa.update(processing_batches)
            .where(b.device_id == device_id, b.day == row.day)
            .values(_columns_of(state, now))
        )
        freed.append(Freed(device_id, row.day, state.retry_count, state.status == "failed"))
    return freed


def with_abandoned(
    connection: Connection, now: dt.datetime, *, lease_s: float = LONGEST_LEASE_S
) -> list[str]:
    """Devices that have batches whose lease has ended, in order."""
    query = sa.select(b.device_id).distinct().where(is_abandoned(now, lease_s))
    return list(connection.scalars(query.order_by(b.device_id)))


def extend(connection: Connection, claimed: Claim, lease_s: float, now: dt.datetime) -> None:
    """Keep a claim for another lease.

    Raises:
        StaleClaimError: it was taken over.
    """
    changed = connection.execute(
        sa.update(processing_batches)
        .where(*_is_held(claimed))
        .values(lease_until=now + dt.timedelta(seconds=lease_s))
    )
    if changed.rowcount != 1:
        raise StaleClaimError(_stale(claimed))


@dataclass(frozen=True, slots=True)
class Resting:
    """A batch that has something to do and is left alone for a while after a failed try."""

    device_id: str
    day: dt.date
    next_try_at: dt.datetime
    tries: int
    message: str


def resting(
    connection: Connection,
    stage: str,
    now: dt.datetime,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
) -> list[Resting]:
    """Batches that `stage` would work on if their next try were due; the soonest first."""
    query = sa.select(b.device_id, b.day, b.next_try_at, b.retry_count, b.error_message).where(
        _done_at(stage) < _input_of(stage), b.status == "pending", sa.not_(_is_rested(now))
    )
    if first is not None:
        query = query.where(b.day >= first)
    if last is not None:
        query = query.where(b.day <= last)
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    rows = connection.execute(query.order_by(b.next_try_at, b.device_id, b.day))
    return [Resting(row[0], row[1], row[2], row[3], row[4] or "") for row in rows]


def next_resting(connection: Connection, now: dt.datetime) -> tuple[int, Resting | None]:
    """How many batches wait for their next try, whatever the stage, and the one that is next."""
    waits = sa.and_(b.status == "pending", sa.not_(_is_rested(now)))
    count = connection.scalar(sa.select(sa.func.count()).where(waits)) or 0
    if not count:
        return 0, None
    row = connection.execute(
        sa.select(b.device_id, b.day, b.next_try_at, b.retry_count, b.error_message)
        .where(waits)
        .order_by(b.next_try_at)
        .limit(1)
    ).one()
    return count, Resting(row[0], row[1], row[2], row[3], row[4] or "")


def match_again(connection: Connection, device_id: str, stale: Stale, now: dt.datetime) -> int:
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


def counts(
    connection: Connection, first: dt.date | None = None, last: dt.date | None = None
) -> dict[str, int]:
    """Batches by status, optionally of some days only."""
    query = sa.select(b.status, sa.func.count()).group_by(b.status)
    if first is not None:
        query = query.where(b.day >= first)
    if last is not None:
        query = query.where(b.day <= last)
    found = {status: count for status, count in connection.execute(query)}  # noqa: C416
    return {
        status: found.get(status, 0) for status in ("pending", "processing", "completed", "failed")
    }


def failures(connection: Connection, limit: int = 20) -> list[sa.Row[Any]]:
    """Batches that carry an error message, the newest first."""
    return list(
        connection.execute(
            sa.select(b.device_id, b.day, b.error_message, b.status, b.retry_count, b.next_try_at)
            .where(b.error_message.is_not(None))
            .order_by(b.updated_at.desc())
            .limit(limit)
        )
    )


def retry_failed(connection: Connection, now: dt.datetime) -> int:
    """Make every failed batch pending again, as a person asks for it; returns how many."""
    return connection.execute(
        sa.update(processing_batches).where(b.status == "failed").values(_one_more_generation(now))
    ).rowcount


def _done_at(stage: str) -> sa.Column[int]:
    column: sa.Column[int] = processing_batches.c[f"{stage}_generation"]
    return column


def _input_of(stage: str) -> sa.Column[int]:
    return b.generation if stage == STAGES[0] else _done_at(STAGES[0])


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


def is_due(
    stage: str, now: dt.datetime, lease_s: float = LONGEST_LEASE_S
) -> sa.ColumnElement[bool]:
    """The condition on batches that `stage` should work on them now."""
    waiting = sa.and_(b.status.in_(("pending", "completed")), _is_rested(now))
    undone = _done_at(stage) < _input_of(stage)
    return sa.and_(undone, sa.or_(waiting, is_abandoned(now, lease_s)))


def _is_rested(now: dt.datetime) -> sa.ColumnElement[bool]:
    """Whether the next try is due."""
    never_set = is_impossible(b.next_try_at, now, LONGEST_REST_S)
    return sa.or_(b.next_try_at.is_(None), b.next_try_at <= now, never_set)


def _since(now: Moment, is_new: sa.ColumnElement[bool]) -> sa.ColumnElement[dt.datetime]:
    """Since when there has been work to do: now if it `is_new`, else as before."""
    moment = sa.literal(now, UtcTime()) if isinstance(now, dt.datetime) else now
    return sa.case((is_new, moment), else_=b.pending_since)


def is_abandoned(now: dt.datetime, lease_s: float = LONGEST_LEASE_S) -> sa.ColumnElement[bool]:
    """The condition on batches that their worker's lease has ended, or cannot be right."""
    return sa.and_(b.status == "processing", is_over(b.lease_until, now, lease_s))


def _is_held(claimed: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        b.device_id == claimed.device_id,
        b.day == claimed.day,
        b.epoch == claimed.epoch,
        b.status == "processing",
    )


def _states(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """A query for batches that keeps their rows locked until the transaction ends."""
    return sa.select(processing_batches).where(*conditions).with_for_update()


def _locked_state(connection: Connection, claimed: Claim) -> BatchState:
    """The state of a claimed batch.

    Raises:
        StaleClaimError: another worker has taken it over.
    """
    row = connection.execute(_states(*_is_held(claimed))).one_or_none()
    if row is None:
        raise StaleClaimError(_stale(claimed))
    return _state_of(row)


def _state_of(row: sa.Row[Any]) -> BatchState:
    return BatchState(
        status=row.status,
        generation=row.generation,
        done_at=tuple(row._mapping[_done_at(stage)] for stage in STAGES),
        retry_count=row.retry_count,
        next_try_at=row.next_try_at,
        error_message=row.error_message,
        pending_since=row.pending_since,
    )


def _columns_of(state: BatchState, now: dt.datetime) -> dict[str, object]:
    """What is stored of a state that nobody works on."""
    done_at = {_done_at(stage).name: at for stage, at in zip(STAGES, state.done_at, strict=True)}
    return {
        "status": state.status,
        "retry_count": state.retry_count,
        "next_try_at": state.next_try_at,
        "error_message": state.error_message,
        "pending_since": state.pending_since,
        "lease_until": None,
        "updated_at": now,
        **done_at,
    }


def _settle(
    connection: Connection,
    claimed: Claim,
    state: BatchState,
    now: dt.datetime,
    **measured: float | str | None,
) -> None:
    """Write the next state of a batch whose row `_locked_state` has locked."""
    connection.execute(
        sa.update(processing_batches)
        .where(b.device_id == claimed.device_id, b.day == claimed.day)
        .values(_columns_of(state, now) | measured)
    )


def _stale(claimed: Claim) -> str:
    return (
        f"the batch {claimed.device_id} {claimed.day} was taken over by another worker; "
        "nothing was written"
    )
