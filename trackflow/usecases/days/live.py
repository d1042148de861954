"""The live worker: takes up what comes in within seconds, for as long as something does.

It looks at yesterday and today, where devices report; points of older days go to runs over ranges.
It claims batches like any other run, so that two of them, or one beside a backfill, do no harm.
"""

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import RetryableError
from trackflow.store.jobs import workers
from trackflow.store.jobs.workers import LiveWorker
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import WorkerPool, run, worker_pool
from trackflow.usecases.days.waiting import find_waiting

POLL_S = 1.0
"""Between two looks for new points: a query on the batches of two days."""

TROUBLE_PAUSE_S = 5.0

log = logging.getLogger(__name__)

type Told = Callable[[RunReport], None]
"""Called after each pass that did something."""


def first_live_day(now: dt.datetime) -> dt.date:
    """Yesterday: what was on the way at midnight is reported after it."""
    return now.date() - dt.timedelta(days=1)


def live_worker(context: Context) -> LiveWorker | None:
    """The live worker that was heard of last, unless it has been silent for too long."""
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
        """Say that we are there, every few seconds at most."""
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
        """Let the next one start without waiting for our silence."""
        with self.context.store.write() as connection:
            workers.leave(connection, self.worker_id, self.context.clock())


def follow_live(
    context: Context,
    *,
    idle_s: float,
    longest_s: float,
    told: Told,
    run_id: str | None = None,
) -> int:
    """Work on what comes in; returns the number of batches worked on.

    Args:
        context: the store and engines.
        idle_s: end when nothing has come in for so long.
        longest_s: end after so long in any case, between two passes.
        told: hears of every pass.
        run_id: of the Dagster run that this is.
    """
    presence = _Presence(context, uuid.uuid4(), run_id)
    started = busy_at = time.monotonic()
    try:
        with worker_pool(context.settings) as pool:
            while (now := time.monotonic()) - started < longest_s and now - busy_at < idle_s:
                try:
                    presence.beat()
                    if _pass(context, pool, presence, told):
                        busy_at = time.monotonic()
                    else:
                        time.sleep(POLL_S)
                except RetryableError as error:  # the database restarts: so do we
                    log.warning("the live worker waits: %s", error)
                    time.sleep(TROUBLE_PAUSE_S)
    finally:
        presence.leave()
    return presence.batches_done


def _pass(context: Context, pool: WorkerPool, presence: _Presence, told: Told) -> bool:
    """One run over what waits now; whether there was anything."""
    first = first_live_day(context.clock())
    if not find_waiting(context, first=first).days:
        return False
    report = run(context, first=first, pool=pool, progress=lambda *_: presence.beat())
    presence.batches_done += len(report.stages[0].days)
    told(report)
    return True
