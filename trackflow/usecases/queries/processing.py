"""The state of processing: counts of the store, the live worker, resting work, breakers."""

import datetime as dt
from dataclasses import dataclass

from trackflow.concurrency.breaker import Phase
from trackflow.context import Context
from trackflow.store import breakers
from trackflow.store.days import batch_lists, queries
from trackflow.store.jobs import workers

ACTIVE_FOR = dt.timedelta(hours=24)
"""A device that has sent something within this time counts as active."""


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Counts of the store. Points are counted apart for pending and completed days.

    Attributes:
        unprocessed_points: points of device-days that are not completed.
        processed_points: points of completed device-days.
        active_devices: devices with points in the last `ACTIVE_FOR`.
        cached_paths: number of stored lines of windows.
        batches: number of device-days by status.
        last_update: when a device-day was last completed; None if never.
        waiting_since: since when the oldest unfinished device-day waits; None if none does.
    """

    unprocessed_points: int
    processed_points: int
    active_devices: int
    cached_paths: int
    batches: dict[str, int]
    last_update: dt.datetime | None
    waiting_since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Whether processing keeps up, and what stops it.

    Attributes:
        counts: of the store; they may be some seconds old.
        backlog_age_s: how long the oldest unfinished device-day has waited.
        resting_batches: device-days that failed and wait for their next try.
        next_try_at: when the first of them is tried again; None if none rests.
        last_error: why that one failed.
        heartbeat_at: of the live worker; None if none is alive.
        breakers: the phase and the last error of each service that ever failed.
    """

    counts: StoreCounts
    backlog_age_s: float
    resting_batches: int
    next_try_at: dt.datetime | None
    last_error: str | None
    heartbeat_at: dt.datetime | None
    breakers: dict[str, tuple[Phase, str | None]]


def count(context: Context) -> StoreCounts:
    """Count the store: this takes up to seconds in a large one."""
    now = context.clock()
    with context.store.read() as connection:
        totals = queries.batch_totals(connection)
        statuses = ("pending", "processing", "completed", "failed")
        waiting = [
            totals[status].waiting_since
            for status in ("pending", "processing")
            if status in totals and totals[status].waiting_since is not None
        ]
        done = totals.get("completed")
        return StoreCounts(
            unprocessed_points=queries.unfinished_points(connection),
            processed_points=int(done.points) if done else 0,
            active_devices=queries.active_devices(connection, now - ACTIVE_FOR),
            cached_paths=queries.line_count(connection),
            batches={s: totals[s].batches if s in totals else 0 for s in statuses},
            last_update=done.last if done else None,
            waiting_since=min(waiting, default=None),
        )


def worker_status(context: Context, counts: StoreCounts) -> WorkerStatus:
    """The state of processing, with counts that were made before."""
    now = context.clock()
    with context.store.read() as connection:
        worker = workers.newest_worker(connection, now)
        found = breakers.read_breakers(connection)
        resting, soonest = batch_lists.next_resting(connection, now)
    waiting = counts.waiting_since
    return WorkerStatus(
        counts=counts,
        backlog_age_s=0.0 if waiting is None else max((now - waiting).total_seconds(), 0.0),
        resting_batches=resting,
        next_try_at=soonest.next_try_at if soonest else None,
        last_error=soonest.message if soonest else None,
        heartbeat_at=worker.heartbeat_at if worker else None,
        breakers={
            service: (breaker.phase(now), breaker.last_error) for service, breaker in found.items()
        },
    )
