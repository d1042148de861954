"""Batches: claiming device-days that have work to do, and writing the result.

A batch is one device's day. `generation` counts the changes of its input, and each stage keeps the
generation of the input that it was last done at: the points' for segments, the segments' for what
is made of them. The batch is completed when all stages have reached the newest generation. A claim
is a lease with an epoch: a worker checks its epoch in the transaction in which it publishes, so one
that lost its lease changes nothing.
"""

import datetime as dt
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import StaleClaimError
from trackflow.store.days.batch_conditions import (
    LONGEST_LEASE_S,
    done_at,
    input_of,
    is_abandoned,
    is_due,
)
from trackflow.store.days.batch_state import (
    BatchState,
    StageRun,
    after_abandoning,
    after_deferring,
    after_failure,
    after_success,
)
from trackflow.store.dialects import listed_pairs, pairs_as_table
from trackflow.store.tables import STAGES, processing_batches

b = processing_batches.c


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do one stage of a batch until the lease ends.

    Attributes:
        device_id: the device.
        day: the day.
        stage: one of `STAGES`.
        generation: of the stage's input.
        epoch: of the claim; a later claim has a larger one.
    """

    device_id: str
    day: dt.date
    stage: str
    generation: int
    epoch: int

    @property
    def run(self) -> StageRun:
        """The run of the stage under this claim."""
        return StageRun(self.stage, self.generation)


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
    """Claim a batch for a stage; None if another worker has it or there is nothing to do.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        day: the day.
        stage: one of `STAGES`.
        lease_s: the length of the lease in seconds.
        now: the time, UTC.
        force: whether to claim a batch without work too.
    """
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
    """Claim those of some batches for a stage that are free, by device and day.

    Args:
        connection: in a transaction for writing.
        wanted: devices and days.
        stage: one of `STAGES`.
        lease_s: the length of the lease in seconds.
        now: the time, UTC.
        force: whether to claim batches without work too.
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
        .returning(b.device_id, b.day, input_of(stage).label("input"), b.epoch)
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
    """Write a stage as done at the generation that was read, in the publishing transaction.

    Args:
        connection: in the transaction that publishes the stage's output.
        done: the claim.
        now: the time, UTC.
        changed: whether the output has changed; then later stages are due (see `after_success`).
        measured: further columns of the batch, by name.

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
        connection: in a transaction for writing.
        failed: the claim.
        message: the reason, for people.
        max_tries: after so many failed tries it is given up.
        now: the time, UTC.

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
        connection: in a transaction for writing.
        claimed: the claim that is given back.
        message: the reason, for people.
        now: the time, UTC.
        at_once: whether the reason has passed, so that the next worker may take it now.

    Raises:
        StaleClaimError: the lease was taken over.
    """
    state = _locked_state(connection, claimed)
    following = after_deferring(state, claimed.run, message=message, at_once=at_once)
    _settle(connection, claimed, following, now)


@dataclass(frozen=True, slots=True)
class ExpiredBatch:
    """A batch whose worker let the lease end; `failed` if the batch is given up."""

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
) -> list[ExpiredBatch]:
    """Free a device's batches whose lease has ended, and count the try of each.

    A lease that lies impossibly far ahead was set by a wrong clock: then no try is counted. The
    caller has locked the device.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        max_tries: after so many failed tries a batch is given up.
        now: the time, UTC.
        lease_s: the longest lease in seconds.
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
        freed.append(ExpiredBatch(device_id, row.day, state.retry_count, state.status == "failed"))
    return freed


def with_abandoned(
    connection: Connection, now: dt.datetime, *, lease_s: float = LONGEST_LEASE_S
) -> list[str]:
    """Devices that have batches whose lease has ended, in order."""
    query = sa.select(b.device_id).distinct().where(is_abandoned(now, lease_s))
    return list(connection.scalars(query.order_by(b.device_id)))


def extend(connection: Connection, claimed: Claim, lease_s: float, now: dt.datetime) -> None:
    """Extend a claim by another lease.

    Args:
        connection: in a transaction for writing.
        claimed: the claim.
        lease_s: the length of the lease in seconds, from now.
        now: the time, UTC.

    Raises:
        StaleClaimError: it was taken over.
    """
    changed = connection.execute(
        sa.update(processing_batches).where(*_is_held()),
        {"lease_until": now + dt.timedelta(seconds=lease_s)} | _names_of(claimed),
    )
    if changed.rowcount != 1:
        raise StaleClaimError(_stale(claimed))


def _is_held() -> tuple[sa.ColumnElement[bool], ...]:
    """The condition that nobody has taken a claim over, with the parameters of `_names_of`."""
    return (
        b.device_id == sa.bindparam("of_device"),
        b.day == sa.bindparam("of_day"),
        b.epoch == sa.bindparam("of_epoch"),
        b.status == "processing",
    )


def _names_of(claimed: Claim) -> dict[str, object]:
    return {"of_device": claimed.device_id, "of_day": claimed.day, "of_epoch": claimed.epoch}


def _states(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """A query for batches that keeps their rows locked until the transaction ends."""
    return sa.select(processing_batches).where(*conditions).with_for_update()


def _locked_state(connection: Connection, claimed: Claim) -> BatchState:
    """The state of a claimed batch.

    Raises:
        StaleClaimError: another worker has taken it over.
    """
    row = connection.execute(_held_state(), _names_of(claimed)).one_or_none()
    if row is None:
        raise StaleClaimError(_stale(claimed))
    return _state_of(row)


@functools.cache
def _held_state() -> sa.Select[Any]:
    """The query for a claimed batch; made once, as each batch of each stage asks it."""
    return _states(*_is_held())


def _state_of(row: sa.Row[Any]) -> BatchState:
    return BatchState(
        status=row.status,
        generation=row.generation,
        done_at=tuple(row._mapping[done_at(stage)] for stage in STAGES),
        retry_count=row.retry_count,
        next_try_at=row.next_try_at,
        error_message=row.error_message,
        pending_since=row.pending_since,
    )


def _columns_of(state: BatchState, now: dt.datetime) -> dict[str, object]:
    """The columns of a batch that no worker has claimed."""
    stages = {done_at(stage).name: at for stage, at in zip(STAGES, state.done_at, strict=True)}
    return {
        "status": state.status,
        "retry_count": state.retry_count,
        "next_try_at": state.next_try_at,
        "error_message": state.error_message,
        "pending_since": state.pending_since,
        "lease_until": None,
        "updated_at": now,
        **stages,
    }


def _settle(
    connection: Connection,
    claimed: Claim,
    state: BatchState,
    now: dt.datetime,
    **measured: float | str | None,
) -> None:
    """Write the next state of a batch whose row `_locked_state` has locked."""
    which = {"of_device": claimed.device_id, "of_day": claimed.day}
    connection.execute(_settled(), _columns_of(state, now) | measured | which)


@functools.cache
def _settled() -> sa.Update:
    """An update of a claimed batch; which columns it sets is said by the parameters."""
    return sa.update(processing_batches).where(
        b.device_id == sa.bindparam("of_device"), b.day == sa.bindparam("of_day")
    )


def _stale(claimed: Claim) -> str:
    return (
        f"the batch {claimed.device_id} {claimed.day} was taken over by another worker; "
        "nothing was written"
    )
