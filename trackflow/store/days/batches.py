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
from trackflow.store.clocks import is_impossible, is_over
from trackflow.store.dialects import insert_of, listed_pairs, pairs_as_table
from trackflow.store.tables import STAGES, processing_batches
from trackflow.store.types import UtcTime, from_us

b = processing_batches.c

FIRST_RETRY_S = 30
"""Delay before the second try of a failed batch; doubles with every try."""

MOST_DOUBLINGS = 10
LONGEST_REST_S = FIRST_RETRY_S * 2**MOST_DOUBLINGS

LONGEST_LEASE_S = 86_400.0
"""The most that TRACKFLOW_LEASE_S may be."""

AT_ONCE = from_us(0)
"""As the time of the next try: in the past by every clock, however wrong."""

ABANDONED = (
    "its worker was not heard of until its lease ended: killed (was there enough memory?), stopped "
    "or stuck"
)


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


_DAY_ZERO = dt.date(1970, 1, 1).toordinal()


def midnight(day: dt.date) -> dt.datetime:
    """The moment at which a day begins."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def day_of_index(days_since_1970: int) -> dt.date:
    """The date of a number of days since 1970-01-01."""
    return dt.date.fromordinal(_DAY_ZERO + int(days_since_1970))


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
    found = claim_many(connection, [(device_id, day)], stage, lease_s=lease_s, now=now, force=force)
    return found[0] if found else None


def claim_many(
    connection: Connection,
    wanted: Sequence[tuple[str, dt.date]],
    stage: str,
    *,
    lease_s: float,
    now: dt.datetime,
    force: bool = False,
) -> list[Claim]:
    """Take those of some batches for a stage that are free, by device and day.

    Args:
        connection: in a transaction for writing.
        wanted: devices and days.
        stage: of `STAGES`.
        lease_s: for how long.
        now: the time.
        force: whether there is something to do or not.
    """
    free = sa.or_(b.status != "processing", is_abandoned(now, lease_s))
    given = pairs_as_table(connection.dialect.name, ("device_id", "day"), sa.Date())
    update = (
        sa.update(processing_batches)
        .where(
            b.device_id == given.c.device_id,
            b.day == given.c.day,
            free if force else is_due(stage, now, lease_s),
        )
        .values(
            status="processing",
            epoch=b.epoch + 1,
            lease_until=now + dt.timedelta(seconds=lease_s),
            updated_at=now,
        )
        .returning(b.device_id, b.day, _input_of(stage).label("input"), b.epoch)
    )
    rows = connection.execute(update, listed_pairs(connection, wanted))
    found = [Claim(row.device_id, row.day, stage, row.input, row.epoch) for row in rows]
    return sorted(found, key=lambda claim: (claim.device_id, claim.day))


def tried_before(connection: Connection, wanted: Sequence[tuple[str, dt.date]]) -> list[str]:
    """Devices of batches whose last try failed or has not ended, in order."""
    given = pairs_as_table(connection.dialect.name, ("device_id", "day"), sa.Date())
    query = (
        sa.select(b.device_id)
        .distinct()
        .where(
            b.device_id == given.c.device_id,
            b.day == given.c.day,
            sa.or_(b.retry_count > 0, b.status.in_(("processing", "failed"))),
        )
    )
    found = connection.scalars(query.order_by(b.device_id), listed_pairs(connection, wanted))
    return list(found)


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
    own, place = _done_at(done.stage), STAGES.index(done.stage)
    earlier = [_done_at(stage) for stage in STAGES[:place]]
    later = [_done_at(stage) for stage in STAGES[place + 1 :]]
    outdated = {
        column.name: sa.case((column >= done.generation, done.generation - 1), else_=column)
        for column in (later if changed else [])
    }
    in_step = sa.and_(sa.true(), *(column >= done.generation for column in earlier))
    caught_up = sa.and_(
        b.generation == done.generation,
        in_step,
        *(sa.false() if changed else column >= done.generation for column in later),
    )
    _settle(
        connection,
        done,
        {
            # a neighbour may have declared these segments valid for a generation more
            own.name: sa.case((own > done.generation, own), else_=done.generation),
            "status": sa.case((caught_up, "completed"), else_="pending"),
            # what is told of an earlier stage that still waits stays to be read
            "retry_count": sa.case((in_step, 0), else_=b.retry_count),
            "next_try_at": sa.case((in_step, sa.null()), else_=b.next_try_at),
            "error_message": sa.case((in_step, sa.null()), else_=b.error_message),
            # what is left after the last stage came while it ran; before it, there was none
            "pending_since": _since(
                now,
                sa.or_(
                    sa.and_(sa.literal(not later), in_step),
                    sa.and_(*(_done_at(stage) >= b.generation for stage in STAGES)),
                ),
            ),
            "updated_at": now,
            **outdated,
            **measured,
        },
    )


def fail(
    connection: Connection, failed: Claim, message: str, max_tries: int, now: dt.datetime
) -> None:
    """Count a failed try: later ones wait longer, and after `max_tries` none follows."""
    tries = connection.scalar(
        sa.select(b.retry_count).where(b.device_id == failed.device_id, b.day == failed.day)
    )
    tries = (tries or 0) + 1
    delay = dt.timedelta(seconds=FIRST_RETRY_S * 2 ** min(tries - 1, MOST_DOUBLINGS))
    _settle(
        connection,
        failed,
        {
            "status": "failed" if tries >= max_tries else "pending",
            "retry_count": tries,
            "next_try_at": now + delay,
            "error_message": message,
            "updated_at": now,
            **_not_done(failed),
        },
    )


def defer(
    connection: Connection, claimed: Claim, message: str, now: dt.datetime, *, at_once: bool = False
) -> None:
    """Give a batch back untried (the engine is down), with the reason for people to read.

    `at_once` says that the reason is over already: whoever looks next may take it.
    """
    again = {"next_try_at": AT_ONCE} if at_once else {}
    _settle(
        connection,
        claimed,
        {
            "status": "pending",
            "error_message": message,
            "updated_at": now,
            **again,
            **_not_done(claimed),
        },
    )


def _not_done(claimed: Claim) -> dict[str, object]:
    """What was up to date, and worked on again as somebody asked for it, waits for that still."""
    own = _done_at(claimed.stage)
    undone = sa.case((own >= claimed.generation, claimed.generation - 1), else_=own)
    return {own.name: undone}


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

    What kills its worker every time would otherwise go on doing so for ever. There is no further
    delay, as the lease was one. One that was up to date and worked on again as somebody asked for
    it is to be worked on again still. The caller has locked the device.

    Args:
        connection: of the store.
        device_id: the device.
        max_tries: after how many it is given up.
        now: the time.
        lease_s: how long a lease may be.
    """
    tries = b.retry_count + sa.case((b.lease_until < now, 1), else_=0)
    done = [_done_at(stage) for stage in STAGES]
    nothing_due = sa.and_(done[0] >= b.generation, *(column >= done[0] for column in done[1:]))
    rows = connection.execute(
        sa.update(processing_batches)
        .where(b.device_id == device_id, is_abandoned(now, lease_s))
        .values(
            status=sa.case(
                (sa.and_(b.lease_until < now, tries >= max_tries), "failed"), else_="pending"
            ),
            retry_count=tries,
            lease_until=None,
            next_try_at=AT_ONCE,
            error_message=ABANDONED,
            updated_at=now,
            **{c.name: sa.case((nothing_due, b.generation - 1), else_=c) for c in done},
        )
        .returning(b.day, b.retry_count, b.status)
    )
    found = [Freed(device_id, row.day, row.retry_count, row.status == "failed") for row in rows]
    return sorted(found, key=lambda freed: freed.day)


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


def _settle(connection: Connection, claimed: Claim, values: dict[str, object]) -> None:
    changed = connection.execute(
        sa.update(processing_batches)
        .where(*_is_held(claimed))
        .values({"lease_until": None, **values})
    )
    if changed.rowcount != 1:
        raise StaleClaimError(_stale(claimed))


def _stale(claimed: Claim) -> str:
    return (
        f"the batch {claimed.device_id} {claimed.day} was taken over by another worker; "
        "nothing was written"
    )
