"""Lists and counts of batches for people and runs: pending, resting and failed ones."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.days.batch_conditions import (
    LONGEST_LEASE_S,
    done_at,
    input_of,
    is_due,
    is_rested,
)
from trackflow.store.days.queries import of_days
from trackflow.store.tables import processing_batches

b = processing_batches.c


type Pair = tuple[str, dt.date]


class PendingBatch(NamedTuple):
    """A device-day; `point_count` is that of its last segmenting, None before it."""

    device_id: str
    day: dt.date
    point_count: int | None


def pending_batches(
    connection: Connection,
    stage: str,
    now: dt.datetime,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
    every: bool = False,
    lease_s: float = LONGEST_LEASE_S,
) -> list[PendingBatch]:
    """Device-days with work for `stage` now, by device and day.

    Args:
        connection: to the store.
        stage: one of `STAGES`.
        now: the time, UTC.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
        device_id: only this device; None for all.
        every: whether to list batches without work too.
        lease_s: the longest lease in seconds.
    """
    query = sa.select(b.device_id, b.day, b.point_count).order_by(b.device_id, b.day)
    query = query.where(*of_days(b.day, first, last))
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    if not every:
        query = query.where(is_due(stage, now, lease_s))
    return [PendingBatch(*row) for row in connection.execute(query)]


def pending(connection: Connection, stage: str, now: dt.datetime, **chosen: Any) -> list[Pair]:
    """As `pending_batches`, without the points."""
    found = pending_batches(connection, stage, now, **chosen)
    return [(batch.device_id, batch.day) for batch in found]


def unfinished(
    connection: Connection,
    *,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
) -> set[Pair]:
    """Device-days that are not completed.

    Args:
        connection: to the store.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
        device_id: only this device; None for all.
    """
    query = sa.select(b.device_id, b.day).where(b.status != "completed")
    query = query.where(*of_days(b.day, first, last))
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    return {(row.device_id, row.day) for row in connection.execute(query)}


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


def claimed_days(connection: Connection, device_id: str, days: Sequence[dt.date]) -> list[dt.date]:
    """Those of a device's days that a worker has claimed."""
    query = sa.select(b.day).where(
        b.device_id == device_id, b.day.in_(days), b.status == "processing"
    )
    return list(connection.scalars(query.order_by(b.day)))


@dataclass(frozen=True, slots=True)
class RestingBatch:
    """A batch with work to do that waits after a failed try.

    Attributes:
        device_id: the device.
        day: the day.
        next_try_at: when the next try is due, UTC.
        tries: failed tries since its last success.
        message: the error of the last try, for people.
    """

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
) -> list[RestingBatch]:
    """Batches with work for `stage` whose next try is not due yet; the soonest first.

    Args:
        connection: to the store.
        stage: one of `STAGES`.
        now: the time, UTC.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
        device_id: only this device; None for all.
    """
    query = sa.select(b.device_id, b.day, b.next_try_at, b.retry_count, b.error_message).where(
        done_at(stage) < input_of(stage), b.status == "pending", sa.not_(is_rested(now))
    )
    query = query.where(*of_days(b.day, first, last))
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    rows = connection.execute(query.order_by(b.next_try_at, b.device_id, b.day))
    return [RestingBatch(row[0], row[1], row[2], row[3], row[4] or "") for row in rows]


def next_resting(connection: Connection, now: dt.datetime) -> tuple[int, RestingBatch | None]:
    """How many batches of any stage wait for their next try, and the one that is next."""
    waits = sa.and_(b.status == "pending", sa.not_(is_rested(now)))
    count = connection.scalar(sa.select(sa.func.count()).where(waits)) or 0
    if not count:
        return 0, None
    row = connection.execute(
        sa.select(b.device_id, b.day, b.next_try_at, b.retry_count, b.error_message)
        .where(waits)
        .order_by(b.next_try_at)
        .limit(1)
    ).one()
    return count, RestingBatch(row[0], row[1], row[2], row[3], row[4] or "")


def counts(
    connection: Connection, first: dt.date | None = None, last: dt.date | None = None
) -> dict[str, int]:
    """Batches by status, optionally of some days only."""
    query = sa.select(b.status, sa.func.count()).group_by(b.status)
    query = query.where(*of_days(b.day, first, last))
    found = {status: count for status, count in connection.execute(query)}  # noqa: C416
    return {
        status: found.get(status, 0) for status in ("pending", "processing", "completed", "failed")
    }


def failures(connection: Connection, limit: int = 20) -> list[sa.Row[Any]]:
    """Batches that carry an error message: the newest of each message, then the others.

    Years that wait for a road network must not hide the one day that failed.
    """
    newest = b.updated_at.desc(), b.device_id, b.day
    rank = sa.func.row_number().over(partition_by=b.error_message, order_by=newest)
    return list(
        connection.execute(
            sa.select(b.device_id, b.day, b.error_message, b.status, b.retry_count, b.next_try_at)
            .where(b.error_message.is_not(None))
            .order_by(rank, *newest)
            .limit(limit)
        )
    )
