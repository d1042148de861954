"""The live worker: processes new points within seconds, until none arrive any more.

It looks at yesterday and today, where devices report; points of older days go to runs over ranges.
It claims batches like any other run, so that two of them, or one beside a backfill, do no harm.
"""

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import RetryableError
from trackflow.logs import bound
from trackflow.store.jobs import workers
from trackflow.store.jobs.workers import LiveWorker
from trackflow.usecases.categories.following import FollowReport, follow_tracks
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import run
from trackflow.usecases.days.waiting import find_waiting, first_live_day
from trackflow.usecases.days.worker_pool import WorkerPool, worker_pool

POLL_S = 1.0
"""Seconds between two queries for pending batches of two days."""

TROUBLE_PAUSE_S = 5.0

log = logging.getLogger(__name__)

type OnReport = Callable[[RunReport], None]
"""Called after each pass that did something."""

type OnFollowed = Callable[[FollowReport], None]
"""Called after each pass, with what was made of its tracks."""


def live_worker(context: Context) -> LiveWorker | None:
    """The live worker with the last sign of life, None if that is too old."""
    with context.store.read() as connection:
        return workers.newest_worker(connection, context.clock())


@dataclass(slots=True)
class _Presence:
    """The worker's heartbeat in the store."""

    context: Context
    worker_id: uuid.UUID
    run_id: str | None
    batches_done: int = 0
    last_beat: float = float("-inf")

    def beat(self) -> None:
        """Write a sign of life, every few seconds at most."""
        if time.monotonic() - self.last_beat < workers.HEARTBEAT_S:
            return
        with self.context.store.write() as connection:
            workers.beat(
                connection,
                self.worker_id,
                self.context.clock(),
                batches_done=self.batches_done,
                dagster_run_id=self.run_id,
            )
        self.last_beat = time.monotonic()

    def leave(self) -> None:
        """Remove the heartbeat, so that the next worker starts at once."""
        with self.context.store.write() as connection:
            workers.leave(connection, self.worker_id, self.context.clock())


def follow_live(
    context: Context,
    *,
    idle_s: float,
    longest_s: float,
    on_report: OnReport,
    on_followed: OnFollowed = lambda _report: None,
    run_id: str | None = None,
    poll_s: float = POLL_S,
) -> int:
    """Process new points as they arrive; returns the number of batches processed.

    Args:
        context: the store and engines.
        idle_s: end after so many seconds without new points.
        longest_s: end after so many seconds in any case, between two passes.
        on_report: called with the report of every pass.
        on_followed: called with what each pass has made of its tracks.
        run_id: of the Dagster run that this is.
        poll_s: seconds between two looks for new points.
    """
    presence = _Presence(context, uuid.uuid4(), run_id)
    started = busy_at = time.monotonic()
    try:
        with bound(run_id=run_id), worker_pool(context.settings) as pool:
            while (now := time.monotonic()) - started < longest_s and now - busy_at < idle_s:
                try:
                    presence.beat()
                    if _pass(context, pool, presence, on_report, on_followed):
                        busy_at = time.monotonic()
                    else:
                        time.sleep(poll_s)
                except RetryableError as error:  # the database restarts: try again
                    log.warning("the live worker waits: %s", error)
                    time.sleep(TROUBLE_PAUSE_S)
    finally:
        presence.leave()
    return presence.batches_done


def _pass(
    context: Context,
    pool: WorkerPool,
    presence: _Presence,
    on_report: OnReport,
    on_followed: OnFollowed,
) -> bool:
    """Run once over the pending batches; returns whether there were any.

    Args:
        context: the store and engines.
        pool: the worker processes.
        presence: the heartbeat.
        on_report: called with the report.
        on_followed: called with what was made of the tracks.
    """
    first = first_live_day(context.clock())
    if not find_waiting(context, first=first).days:
        return False
    report = run(context, first=first, pool=pool, progress=lambda *_: presence.beat())
    presence.batches_done += len(report.stages[0].days)
    on_report(report)
    on_followed(follow_tracks(context, first=first, on_progress=lambda *_: presence.beat()))
    return True
