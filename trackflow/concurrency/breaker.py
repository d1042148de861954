"""A circuit breaker as a value: state, event and clock in, new state out.

Closed, calls go through. After `FAILURES_TO_OPEN` failures in a row it opens, and calls fail at
once instead of each waiting for a deadline. When its time is over it is half-open: one caller may
send a probe. If the probe succeeds the breaker closes; if not it opens again, for twice as long. A
probe without a result expires after `PROBE_S`, so that a killed process does not block the others.

The pattern is Nygard's ("Release It!", 2007). The store keeps the state, and gives the probe to
only one of many processes.
"""

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES_TO_OPEN = 5
"""In a row. A service that fails every twentieth call has five once in three million calls."""

FIRST_OPEN_S = 1.0
LONGEST_OPEN_S = 30.0
"""The waits double between them. A service that was away for a moment is asked again after a
moment, one that was away for long is noticed at most half a minute after it is back; and in between
no later than it was away. One probe in half a minute costs an ailing service nothing."""

LONGEST_REST_S = 86_400.0
"""The longest rest that a service is granted. A time further ahead was set by a clock that ran
ahead."""

PROBE_S = 60.0
"""How long a probe may take before another caller may send one."""


class Phase(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one service's breaker.

    Attributes:
        failures: in a row; while it is open only those of probes are counted.
        open_until: None while it is closed.
        probe_until: when the probe under way expires; None without one.
        last_error: the message of the last failure; kept after closing, for people to read.
    """

    failures: int = 0
    open_until: dt.datetime | None = None
    probe_until: dt.datetime | None = None
    last_error: str | None = None

    def phase(self, now: dt.datetime) -> Phase:
        """Whether calls go through at this moment."""
        if self.open_until is None:
            return Phase.CLOSED
        is_open = now < self.open_until <= _after(now, LONGEST_REST_S)
        return Phase.OPEN if is_open else Phase.HALF_OPEN

    def may_probe(self, now: dt.datetime) -> bool:
        """Whether a caller may send a probe now."""
        free = self.probe_until is None or not now < self.probe_until <= _after(now, PROBE_S)
        return self.phase(now) is Phase.HALF_OPEN and free

    def probing(self, now: dt.datetime) -> "Breaker":
        """The state with a probe under way: until it expires no other may begin."""
        return replace(self, probe_until=now + dt.timedelta(seconds=PROBE_S))

    def failed(
        self,
        now: dt.datetime,
        error: str,
        *,
        is_probe: bool = False,
        rest_s: float | None = None,
        times: int = 1,
    ) -> "Breaker":
        """The state after failed calls.

        Args:
            now: the time, UTC.
            error: the message of the last failure.
            is_probe: whether the call was the probe of a half-open breaker.
            rest_s: the rest in seconds that the service asks for; this opens the breaker at once.
            times: failures in a row since the last state.
        """
        rest_s = None if rest_s is None else min(rest_s, LONGEST_REST_S)
        if self.open_until is not None and not is_probe:
            # the call began before the breaker opened: it must not make the wait longer
            if rest_s is None:
                return self
            return replace(self, open_until=max(self.open_until, _after(now, rest_s)))
        failures = self.failures + times
        if failures < FAILURES_TO_OPEN and rest_s is None and not is_probe:
            return Breaker(failures, last_error=error)
        # of an open breaker only the probes are counted: calls at once must not lengthen its rest
        failures = failures if is_probe else min(failures, FAILURES_TO_OPEN)
        doublings = max(failures - FAILURES_TO_OPEN, 0)
        open_s = min(FIRST_OPEN_S * 2.0 ** min(doublings, 16), LONGEST_OPEN_S)
        return Breaker(failures, _after(now, max(open_s, rest_s or 0.0)), last_error=error)

    def succeeded(self, *, is_probe: bool = False) -> "Breaker":
        """The state after a successful call. One that began before it opened does not close it."""
        if self.open_until is not None and not is_probe:
            return self
        return Breaker(last_error=self.last_error)


def _after(now: dt.datetime, seconds: float) -> dt.datetime:
    return now + dt.timedelta(seconds=seconds)
