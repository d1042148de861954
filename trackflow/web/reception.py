"""Queues the reports of all requests and stores them, many in one transaction.

A transaction costs a hundred times as much as a point, so the reports of some milliseconds are
stored together, and reports that arrive meanwhile form the next lot. Each sender is answered after
the commit. A lot of single reports is stored before each part of a large body, so that no sender
waits for longer than one part takes.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.usecases.intake.receiving import (
    TURN_TIMEOUT_S,
    ReceptionCounts,
    Report,
    receive_together,
)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How reports are stored together, and how long they wait.

    Attributes:
        gather_s: seconds that the first report of a lot waits for others.
        small_points: reports of more points are stored one by one, in turn with the lots of
            smaller ones.
        most_reports: in one transaction: it must not delay the following ones.
        look_s: seconds between checks for senders that have waited too long, while the database
            is slow.
        wait_s: seconds after which a sender has waited too long.
    """

    gather_s: float = 0.004
    small_points: int = 100
    most_reports: int = 256
    look_s: float = 1.0
    wait_s: float = TURN_TIMEOUT_S


@dataclass(slots=True, eq=False)
class _WaitingReport:
    report: Report
    since: float
    outcome: asyncio.Future[ReceptionCounts]


USUAL = QueueLimits()


class ReportQueue:
    """Stores reports; belongs to one event loop."""

    def __init__(self, context: Context, limits: QueueLimits = USUAL) -> None:
        self._context = context
        self._limits = limits
        self._small: deque[_WaitingReport] = deque()
        self._large: deque[_WaitingReport] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reception")
        self._writing: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()
        """Points that were received since the start: accepted, repeated, refused."""

    @property
    def waiting(self) -> int:
        """Reports that wait to be stored."""
        return len(self._small) + len(self._large)

    async def store(self, report: Report) -> ReceptionCounts:
        """Store a report; returns the counts of its admission after the commit.

        Raises:
            StoreUnavailableError: the database is away or busy; nothing of it is stored.
        """
        if not len(report.points) and not report.refused:
            return ReceptionCounts()
        loop = asyncio.get_running_loop()
        waiting = _WaitingReport(report, time.monotonic(), loop.create_future())
        size = len(report.points) + len(report.refused)
        (self._small if size <= self._limits.small_points else self._large).append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = loop.create_task(self._write())
        return await waiting.outcome

    def close(self) -> None:
        """Wait until the current lot is stored."""
        self._thread.shutdown()

    async def _write(self) -> None:
        """Store waiting reports until there are none."""
        while self._small or self._large:
            if len(self._small) < self._limits.most_reports:
                await asyncio.sleep(self._limits.gather_s)
            size = min(len(self._small), self._limits.most_reports)
            await self._write_lot([self._small.popleft() for _ in range(size)])
            await self._write_lot([self._large.popleft()] if self._large else [])

    async def _write_lot(self, lot: Sequence[_WaitingReport]) -> None:
        if not lot:
            return
        loop = asyncio.get_running_loop()
        reports = [waiting.report for waiting in lot]
        storing = loop.run_in_executor(self._thread, receive_together, self._context, reports)
        try:
            while not (await asyncio.wait([storing], timeout=self._limits.look_s))[0]:
                self._refuse_late()
            outcomes = storing.result()
        except BaseException:
            for waiting in lot:  # else their senders would wait for ever
                waiting.outcome.cancel()
            raise
        for waiting, outcome in zip(lot, outcomes, strict=True):
            if waiting.outcome.done():
                continue  # its request was cancelled
            if isinstance(outcome, Exception):
                waiting.outcome.set_exception(outcome)
            else:
                waiting.outcome.set_result(outcome)
                self._count(outcome)

    def _count(self, stored: ReceptionCounts) -> None:
        self.counts["accepted"] += stored.accepted
        self.counts["repeated"] += stored.repeated
        self.counts["refused"] += stored.refused

    def _refuse_late(self) -> None:
        """Answer senders with an error that have waited too long for the database."""
        oldest = time.monotonic() - self._limits.wait_s
        for queue in (self._small, self._large):
            while queue and queue[0].since < oldest:
                waiting = queue.popleft()
                if not waiting.outcome.done():
                    waiting.outcome.set_exception(
                        StoreUnavailableError("the database is busy; send this again later")
                    )
