"""A circuit breaker as a value: state, event and clock in, new state out.

Closed, calls go through. After `FAILURES_TO_OPEN` failures in a row it opens, and calls fail at
once instead of each waiting for a deadline. When its time is over it is half-open: one caller may
try. If that goes well it closes; if not it opens again, for twice as long. A caller that is never
heard of again loses its right to try after a while, so that a killed one blocks nobody.

The pattern is Nygard's ("Release It!", 2007). Where the state is kept, and how only one of many
processes gets the trial, is the store's business.
"""

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES_TO_OPEN = 3
"""In a row. A failure can mean a deadline of half a minute, so not many."""

FIRST_OPEN_S = 5.0
LONGEST_OPEN_S = 60.0
"""One trial a minute costs an ailing service nothing, and what waits goes on soon after it is
back."""

LONGEST_REST_S = 86_400.0
"""The longest that a service which asks to be left alone is left alone. A time further ahead was
set by a clock that ran ahead."""

PROBE_S = 60.0
"""How long the one that tries may take before another one may."""


class Phase(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one service's breaker.

    Attributes:
        failures: in a row; while it is open only those of trials are counted.
        open_until: None while it is closed.
        probe_until: until when somebody is trying; None if nobody does.
        last_error: what the last failure said; kept after closing, to be read by people.
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
        """Whether somebody may try now."""
        free = self.probe_until is None or not now < self.probe_until <= _after(now, PROBE_S)
        return self.phase(now) is Phase.HALF_OPEN and free

    def probing(self, now: dt.datetime) -> "Breaker":
        """Somebody tries, and nobody else for as long as that may take."""
        return replace(self, probe_until=now + dt.timedelta(seconds=PROBE_S))

    def failed(
        self,
        now: dt.datetime,
        error: str,
        *,
        is_probe: bool = False,
        rest_s: float | None = None,
    ) -> "Breaker":
        """A call failed.

        Args:
            now: the time.
            error: what it said.
            is_probe: whether it was the trial of a half-open breaker.
            rest_s: for how long the service asks to be left alone; this opens it at once.
        """
        rest_s = None if rest_s is None else min(rest_s, LONGEST_REST_S)
        if self.open_until is not None and not is_probe:
            # begun before it opened: it tells nothing new, and must not make the wait longer
            if rest_s is None:
                return self
            return replace(self, open_until=max(self.open_until, _after(now, rest_s)))
        failures = self.failures + 1
        if failures < FAILURES_TO_OPEN and rest_s is None and not is_probe:
            return Breaker(failures, last_error=error)
        doublings = max(failures - FAILURES_TO_OPEN, 0)
        open_s = min(FIRST_OPEN_S * 2.0 ** min(doublings, 16), LONGEST_OPEN_S)
        return Breaker(failures, _after(now, max(open_s, rest_s or 0.0)), last_error=error)

    def succeeded(self, *, is_probe: bool = False) -> "Breaker":
        """A call went well. One that began before it opened does not close it."""
        if self.open_until is not None and not is_probe:
            return self
        return Breaker(last_error=self.last_error)


def _after(now: dt.datetime, seconds: float) -> dt.datetime:
    return now + dt.timedelta(seconds=seconds)
