"""Retries with back-off and jitter of what may succeed later; bounded in number and in time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import stamina

from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.errors import TrackflowError

# By default stamina prints a line for each retry to standard output where structlog is installed,
# as it is with Dagster: in the middle of a command's JSON.
stamina.instrumentation.set_on_retry_hooks([])


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and after how long to try again.

    Attributes:
        attempts: tries in all, the first included.
        wait_first_s: before the second try; doubled before each further one.
        wait_most_s: the longest such wait.
        jitter_s: the largest random addition to a wait, so that callers do not retry in step.
        only: errors of other kinds are not worth a further try.
    """

    attempts: int = 4
    wait_first_s: float = 0.5
    wait_most_s: float = 10.0
    jitter_s: float = 0.5
    only: type[TrackflowError] = TrackflowError

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
        last: Exception | None = None
        for attempt in self._attempts(deadline):
            with attempt:
                if last is not None and deadline.is_over:
                    raise last
                if on_try is not None:
                    on_try(attempt.num)
                try:
                    return function()
                except TrackflowError as error:
                    last = error
                    raise
        raise AssertionError("stamina raises the last error")

    def _attempts(self, deadline: Deadline) -> Iterator[stamina.Attempt]:
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
