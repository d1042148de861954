"""A service behind a circuit breaker that all processes share.

While the service is down, calls fail at once, so that each does not wait for a deadline of its own;
one process at a time sends a probe. The database is written to when failures follow each other and
when the state changes: never for a success of a closed breaker, nor for a failure between
successes. A process whose first call fails notes it at once, as it may make no second one.

No lock is held while the store is asked or written to: threads whose calls go well do not wait for
a database that is slow or away.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trackflow.concurrency.breaker import Breaker, Phase
from trackflow.concurrency.deadline import TooLateError
from trackflow.errors import StoppedError, StoreUnavailableError, TrackflowError
from trackflow.store import breakers
from trackflow.store.database import Store

REFRESH_EVERY_S = 2.0
"""How old the known state of a closed breaker may be, and so the delay until failures of other
processes are seen."""


@dataclass(slots=True)
class ServiceGuard:
    """Lets calls through while the breaker is closed.

    Attributes:
        service: the breaker's name.
        noun: the service in messages, such as "the road engine".
        unavailable: the error that counts as a failure, and that is raised while it is open.
        store: keeps the breaker.
        clock: gives the breaker's times.
        refusal: the error that is raised while it is open, where that is another one.
        rests_apart: whether the rate limit keeps the rests that the service asks for, so that such
            an answer is no failure.
    """

    service: str
    noun: str
    unavailable: type[TrackflowError]
    store: Store
    clock: Callable[[], dt.datetime]
    refusal: type[TrackflowError] | None = None
    rests_apart: bool = False
    _known: Breaker = field(default_factory=Breaker)
    _refreshed_at: float = float("-inf")
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failures: int = 0
    """In a row, of this process; the store does not know of them yet."""
    _successes: int = 0
    _is_resetting: bool = False

    def call[T](self, function: Callable[[], T]) -> T:
        """The result of a call to the service.

        Raises:
            TrackflowError: `unavailable`, if the breaker is open; or what the call raises.
        """
        is_probe = self._admit()
        try:
            answer = function()
        except self.unavailable as error:
            if self.rests_apart and getattr(error, "retry_after_s", None) is not None:
                self._succeeded(is_probe)
            else:
                self._failed(error, is_probe)
            raise
        except (TooLateError, StoppedError, StoreUnavailableError):
            raise  # it was not asked, or not to the end: that says nothing of the service
        except TrackflowError:
            self._succeeded(is_probe)  # the service refuses this request, but it answers
            raise
        self._succeeded(is_probe)
        return answer

    def _admit(self) -> bool:
        """Admit a call; returns whether it is the probe of a half-open breaker.

        Raises:
            TrackflowError: the breaker is open.
        """
        is_closed = self._known.open_until is None
        if is_closed and time.monotonic() - self._refreshed_at < REFRESH_EVERY_S:
            return False
        now = self.clock()
        self._refresh()
        match self._known.phase(now):
            case Phase.CLOSED:
                return False
            case Phase.HALF_OPEN if self._known.may_probe(now) and self._take_probe():
                return True
        raise (self.refusal or self.unavailable)(
            f"{self.noun} is left alone after it failed: {self._known.last_error}"
        )

    def _refresh(self) -> None:
        with self.store.read() as connection:
            self._known = breakers.read_breaker(connection, self.service)
        self._refreshed_at = time.monotonic()

    def _take_probe(self) -> bool:
        with self.store.write() as connection:
            return breakers.take_probe(connection, self.service, self.clock())

    def _failed(self, error: TrackflowError, is_probe: bool) -> None:
        rest_s: float | None = getattr(error, "retry_after_s", None)
        must_note = is_probe or rest_s is not None
        with self._lock:
            if self._known.open_until is not None and not must_note:
                return  # it began before the breaker opened
            self._failures += 1
            is_alone = self._failures == 1 and self._successes > 0 and not self._known.failures
            if is_alone and not must_note:
                return
            times, self._failures = self._failures, 0
            successes = self._successes
        self._note_failures(f"{error}", 1 if is_probe else times, is_probe, rest_s)
        if not is_probe and self._successes != successes:
            # calls that went well meanwhile could not know of these failures
            self._succeeded(is_probe)

    def _note_failures(self, error: str, times: int, is_probe: bool, rest_s: float | None) -> None:
        """Write failures in a row to the store.

        Args:
            error: the message of the last one.
            times: how many.
            is_probe: whether it was the probe of a half-open breaker.
            rest_s: the rest in seconds that the service asks for; None for none.
        """
        with self.store.write() as connection:
            self._known = breakers.note_failure(
                connection,
                self.service,
                error,
                self.clock(),
                is_probe=is_probe,
                rest_s=rest_s,
                times=times,
            )

    def _succeeded(self, is_probe: bool) -> None:
        with self._lock:
            self._successes += 1
            self._failures = 0
            is_news = self._known.failures > 0 and not self._is_resetting
            if not (is_news or is_probe):
                return
            self._is_resetting = True
        try:
            with self.store.write() as connection:
                self._known = breakers.note_success(
                    connection, self.service, self.clock(), is_probe=is_probe
                )
        finally:
            self._is_resetting = False
