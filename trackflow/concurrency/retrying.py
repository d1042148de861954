"""Retries with back-off and jitter of what may succeed later; bounded in number and in time."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.errors import TrackflowError

if TYPE_CHECKING:
    import stamina


def _nothing() -> None:
    pass


class RetryCounts:
    """How often calls of this process were tried again, until somebody takes the figures."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._tell: Callable[[], None] = _nothing

    @property
    def has_some(self) -> bool:
        """Whether there are figures to take."""
        return bool(self._counts)

    def on_retry(self, tell: Callable[[], None]) -> None:
        """Have `tell` called after each retry, instead of what was called before."""
        self._tell = tell

    def note(self, name: str) -> None:
        """Count a further try of work of this name."""
        with self._lock:
            self._counts[name] += 1
        self._tell()

    def take(self) -> Counter[str]:
        """Further tries since the last call, by name."""
        with self._lock:
            found, self._counts = self._counts, Counter()
        return found

    def give_back(self, counts: Mapping[str, int]) -> None:
        """Count again what was taken, and could not be told."""
        with self._lock:
            self._counts.update(counts)


RETRIES = RetryCounts()
"""Those of this process."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and after how long to try again.

    Attributes:
        attempts: tries in all, the first included.
        wait_first_s: before the second try; doubled before each further one.
        wait_most_s: the longest such wait.
        jitter_s: the largest random addition to a wait, so that callers do not retry in step.
        only: errors of other kinds are not worth a further try.
        name: of the work in the metrics.
    """

    attempts: int = 4
    wait_first_s: float = 0.5
    wait_most_s: float = 10.0
    jitter_s: float = 0.5
    only: type[TrackflowError] = TrackflowError
    name: str = "other"

    def call[R](
        self,
        function: Callable[[], R],
        deadline: Deadline = NEVER,
        on_try: Callable[[int], None] | None = None,
    ) -> R:
        """The result of `function`, called again after errors that can get better.

        If an error names a time (`retry_after_s`, from a Retry-After header), the next try begins
        no sooner; if that would be after the deadline there is none.

        Args:
            function: the call to try.
            deadline: no try begins after it.
            on_try: called with the number of every try as it begins, from 1.

        Raises:
            Exception: the last try's error.
        """
        begin = on_try or _nothing_of
        try:
            begin(1)
            return function()
        except TrackflowError as error:
            if self.attempts == 1:
                raise
            last = error
        for attempt in self._attempts(deadline):
            with attempt:
                # The first try was made above: most succeed, and need nothing of what decides
                # about the next one.
                if attempt.num == 1 or deadline.is_over:
                    raise last
                begin(attempt.num)
                RETRIES.note(self.name)
                try:
                    return function()
                except TrackflowError as error:
                    last = error
                    raise
        raise AssertionError("stamina raises the last error")

    def _attempts(self, deadline: Deadline) -> "Iterator[stamina.Attempt]":
        import stamina  # with asyncio it takes 20 ms of every command, and few have to try again

        # By default a line for each retry goes to standard output where structlog is installed, as
        # it is with Dagster: in the middle of a command's JSON.
        stamina.instrumentation.set_on_retry_hooks([])
        return iter(
            stamina.retry_context(
                on=lambda error: isinstance(error, self.only) and _worth_waiting(error, deadline),
                attempts=self.attempts,
                timeout=None,
                wait_initial=self.wait_first_s,
                wait_max=self.wait_most_s,
                wait_jitter=self.jitter_s,
            )
        )


ONCE = Retry(attempts=1)
"""No second try."""


def _nothing_of(_: int) -> None:
    pass


def can_get_better(error: BaseException) -> bool:
    """Whether trying again makes sense; after a deadline there is no time for it."""
    return (
        isinstance(error, TrackflowError)
        and error.retryable
        and not isinstance(error, TooLateError)
    )


def _worth_waiting(error: Exception, deadline: Deadline) -> bool | float:
    """Whether to try again, or after how many seconds if the error names a time."""
    if not can_get_better(error) or deadline.is_over:
        return False
    after_s: float | None = getattr(error, "retry_after_s", None)
    if after_s is None:
        return True
    return after_s if after_s < deadline.left_s else False
