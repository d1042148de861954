"""At most so many requests per second to a service, evenly spaced, over all threads.

Turns are reserved: a caller gets the next free moment and waits for it, so no queue is kept and no
caller is overtaken (the generic cell rate algorithm, ITU-T I.371, without bursts). A small protocol
keeps the next free moment: in memory it spaces the threads of a process; in a database row, all
processes.
"""

import threading
from typing import Protocol

from trackflow.concurrency.clock import SYSTEM_CLOCK, Clock
from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.concurrency.switch import Stop
from trackflow.errors import SettingsError, StoppedError

_CHECK_EVERY_S = 0.1
"""How often a waiting caller checks whether to stop."""


class Turns(Protocol):
    """Keeps the next free moment of one service. Threads share it."""

    def reserve(self, spacing_s: float, within_s: float) -> float | None:
        """Take the next turn.

        Args:
            spacing_s: seconds until the turn after it.
            within_s: the longest wait that makes sense.

        Returns:
            Seconds until the turn; None if that is longer than `within_s`; then none is reserved.
        """
        ...

    def rest(self, seconds: float) -> None:
        """Postpone all turns that would begin within the next `seconds`."""
        ...

    def resting_s(self) -> float:
        """Seconds that a `rest` still lasts, 0 if none does."""
        ...


class MemoryTurns:
    """Turns of the threads of this process."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next_s = self._rest_until_s = float("-inf")

    def reserve(self, spacing_s: float, within_s: float) -> float | None:
        """Take the next turn, None if it is more than `within_s` seconds away."""
        with self._lock:
            now = self._clock.now_s()
            turn = max(self._next_s, self._rest_until_s, now)
            if turn - now > within_s:
                return None
            self._next_s = turn + spacing_s
            return turn - now

    def rest(self, seconds: float) -> None:
        """Postpone all turns that would begin within the next `seconds`."""
        with self._lock:
            self._rest_until_s = max(self._rest_until_s, self._clock.now_s() + seconds)

    def resting_s(self) -> float:
        """Seconds that a rest still lasts."""
        return max(self._rest_until_s - self._clock.now_s(), 0.0)


class RateLimit:
    """At most `per_second` requests per second; threads share one."""

    def __init__(
        self, per_second: float, turns: Turns | None = None, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """A limit.

        Args:
            per_second: may be less than 1.
            turns: keeps the next free moment; by default in this process's memory.
            clock: measures the waits.

        Raises:
            SettingsError: the rate is not positive.
        """
        if not per_second > 0:
            raise SettingsError(f"a rate of {per_second:g} requests per second lets nothing happen")
        self._spacing_s = 1.0 / per_second
        self._clock = clock
        self._turns = turns or MemoryTurns(clock)

    def wait(self, deadline: Deadline = NEVER, stop: Stop | None = None) -> None:
        """Wait for the caller's turn; a rest that begins meanwhile prolongs the wait.

        Raises:
            TooLateError: the turn would begin after the deadline; there was no wait.
            StoppedError: `stop` was set meanwhile.
        """
        while True:
            wait_s = self._turns.reserve(self._spacing_s, deadline.left_s)
            if wait_s is None:
                raise TooLateError("the rate limit leaves no turn before the deadline")
            self._sleep(wait_s, stop)
            if self._turns.resting_s() <= 0:
                return

    def rest(self, seconds: float) -> None:
        """Send the service no request for so many seconds, as its Retry-After asks."""
        self._turns.rest(seconds)

    def wait_for_rest(self, deadline: Deadline = NEVER, stop: Stop | None = None) -> None:
        """Wait until no rest lasts; takes no turn.

        Raises:
            TooLateError: the rest lasts beyond the deadline.
            StoppedError: `stop` was set meanwhile.
        """
        while (left_s := self._turns.resting_s()) > 0:
            if left_s > deadline.left_s:
                raise TooLateError("the service asks to be left alone until after the deadline")
            self._sleep(left_s, stop)

    def _sleep(self, seconds: float, stop: Stop | None) -> None:
        """Sleep, but end it early to stop.

        Raises:
            StoppedError: `stop` is set.
        """
        until = self._clock.now_s() + seconds
        while True:
            if stop is not None and stop.is_set():
                raise StoppedError("stopped while waiting for the rate limit")
            left_s = until - self._clock.now_s()
            if left_s <= 0:
                return
            self._clock.sleep(left_s if stop is None else min(left_s, _CHECK_EVERY_S))
