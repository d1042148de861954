"""The progress of a claimed job: signs of life, amounts, estimated time."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

from trackflow.errors import TrackflowError
from trackflow.store.database import Connection, Store
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job, JobStatus

BEAT_EVERY_S = 1.0
"""Progress is written this often at most; the page does not read it more often."""


class CancelledError(TrackflowError):
    """The job is to stop: a person has cancelled it."""


def seconds_left(done: float, remaining: float, elapsed_s: float) -> float | None:
    """Estimate the seconds left from the speed so far; None while nothing is done."""
    if remaining <= 0:
        return 0.0
    return round(elapsed_s / done * remaining, 1) if done > 0 else None


class ClaimedJob:
    """A job that this worker has claimed."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], dt.datetime],
        job: Job,
        on_change: Callable[[Job], None],
    ) -> None:
        self.store, self.clock = store, clock
        self.job = job
        self._on_change = on_change
        self._began_with = job.completed
        self._began_at = self._beat_at = time.monotonic()

    def beat(self, completed: int, message: str | None = None) -> None:
        """Show the progress; it is written once in `BEAT_EVERY_S` at most.

        Raises:
            StaleClaimError: another worker has taken the job over.
        """
        if time.monotonic() - self._beat_at < BEAT_EVERY_S:
            return
        with self.store.write() as connection:
            self.job = jobs.beat(
                connection, self.job, self.clock(), **self._shown(completed, message)
            )
        self._beat_at = time.monotonic()
        self._on_change(self.job)

    def advance(self, connection: Connection, completed: int, **values: Any) -> None:
        """Write the progress in the transaction of the work itself.

        Raises:
            StaleClaimError: another worker has taken the job over; nothing must be committed.
        """
        shown = self._shown(completed, values.pop("message", None), values.get("total"))
        self.job = jobs.advance(connection, self.job, self.clock(), **shown, **values)
        self._beat_at = time.monotonic()

    def measure_from(self, completed: int) -> None:
        """Estimate the time left from the speed from here on."""
        self._began_with, self._began_at = completed, time.monotonic()

    def notify(self) -> None:
        """Call `on_change`, after a transaction that wrote the progress."""
        self._on_change(self.job)

    def end(self, connection: Connection, status: JobStatus, **values: Any) -> None:
        """End the job in the transaction of its work; the return value of its kind is then ignored.

        Raises:
            StaleClaimError: another worker has taken the job over; nothing must be committed.
        """
        self.job = jobs.end(connection, self.job, status, self.clock(), **values)

    def stop_if_cancelled(self) -> None:
        """Stop if a person has cancelled the job; to be called after `advance`.

        Raises:
            CancelledError: a person has cancelled the job.
        """
        self._on_change(self.job)
        if self.job.cancel_requested:
            raise CancelledError("cancelled")

    def _shown(
        self, completed: int, message: str | None, total: int | None = None
    ) -> dict[str, Any]:
        total = total if total is not None else self.job.total
        shown: dict[str, Any] = {"completed": completed}
        if message is not None:
            shown["message"] = message
        if total is not None:
            done = completed - self._began_with
            elapsed_s = time.monotonic() - self._began_at
            shown["seconds_left"] = seconds_left(done, total - completed, elapsed_s)
        return shown
