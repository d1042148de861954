"""At most so many connections to a service at once, over all threads and all processes.

A process takes permits in a block and lends them to its requests, so that a request costs no write
to the database. The block is a lease: a sign of life renews it every second and tells how many
permits are needed; what a killed process held is free when its lease ends.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import httpx

from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.concurrency.switch import Stop
from trackflow.errors import StoppedError

RENEW_S = 1.0
"""Between two signs of life; a process that needs more permits asks at once."""

LEASE_S = 10.0
"""How long the permits of a process stay its own after its last sign of life."""

_ASK_AGAIN_S = 0.2
"""How often a process that got too few permits asks for more."""

_CHECK_EVERY_S = 0.1
"""How often a waiting caller checks whether to stop."""


@dataclass(frozen=True, slots=True)
class PermitUse:
    """What a process tells about its use of a service.

    Attributes:
        wanted: permits that it needs; 0 gives all back.
        held: permits that its requests use, or may take by what it was granted.
        in_use: requests under way.
        waiting: threads that wait for a permit.
        requests: since the last report.
        timeouts: those of them that ended by their deadline.
        broken: those of them whose connection failed.
    """

    wanted: int
    held: int
    in_use: int = 0
    waiting: int = 0
    requests: int = 0
    timeouts: int = 0
    broken: int = 0


class Ledger(Protocol):
    """Shares the permits of one service out; threads share it."""

    def report(self, use: PermitUse) -> int:
        """Tell what is needed; returns how many permits the process may use from now on.

        The lease begins anew. Permits that are taken away stay counted as its own until the next
        report, as requests may be under way with them.
        """
        ...


def fair_shares(most: int, wanted: Sequence[int]) -> list[int]:
    """So many permits for each process, none more than it wants; the first get what is left over.

    No process has less than another one while it wants more (max-min fairness).
    """
    shares = [0] * len(wanted)
    left, hungry = most, [i for i, want in enumerate(wanted) if want > 0]
    while left > 0 and hungry:
        for i in hungry[:left]:
            shares[i] += 1
            left -= 1
        hungry = [i for i in hungry if shares[i] < wanted[i]]
    return shares


class ConnectionLimit:
    """The permits of this process for one service; threads share it."""

    def __init__(
        self, most: int, ledger: Ledger, on_need: Callable[[], None] = lambda: None
    ) -> None:
        """A limit of which nothing is held yet.

        Args:
            most: connections at once, of all processes.
            ledger: shares them out.
            on_need: called before more permits are asked for; starts the signs of life.
        """
        self._most, self._ledger, self._on_need = most, ledger, on_need
        self._changed = threading.Condition()
        self._reporting = threading.Lock()
        self._granted = self._in_use = self._waiting = self._peak = 0
        self._requests = self._timeouts = self._broken = 0
        self._lease_ends_s = self._ask_again_s = float("-inf")
        self._is_told_idle = False

    @contextmanager
    def held(self, deadline: Deadline = NEVER, stop: Stop | None = None) -> Iterator[None]:
        """A permit for one request; how the request ends is counted.

        Raises:
            TooLateError: none became free before the deadline.
            StoppedError: `stop` was set meanwhile.
            StoreUnavailableError: the permits cannot be asked for.
        """
        self._acquire(deadline, stop)
        timeouts = broken = 0
        try:
            yield
        except TooLateError:
            timeouts = 1
            raise
        except httpx.TransportError:
            broken = 1
            raise
        finally:
            with self._changed:
                self._in_use -= 1
                self._requests += 1
                self._timeouts += timeouts
                self._broken += broken
                if self._waiting:
                    self._changed.notify()

    def renew(self) -> bool:
        """Give a sign of life; False if nothing was used since the last one, and all given back.

        Raises:
            StoreUnavailableError: the database is away; the lease runs on.
        """
        with self._reporting:
            with self._changed:
                use = self._use()
                is_idle = not (use.wanted or use.held or use.requests)
                if is_idle and self._is_told_idle:
                    return False
                self._peak = self._in_use
                self._requests = self._timeouts = self._broken = 0
            try:
                granted = self._ledger.report(use)
            except BaseException:
                with self._changed:
                    self._requests += use.requests
                    self._timeouts += use.timeouts
                    self._broken += use.broken
                raise
            now_s = time.monotonic()
            with self._changed:
                self._granted = granted
                self._is_told_idle = is_idle
                self._lease_ends_s = now_s + LEASE_S / 2
                self._ask_again_s = now_s + (0.0 if granted >= use.wanted else _ASK_AGAIN_S)
                self._changed.notify_all()
        return use.wanted > 0

    def give_back(self) -> None:
        """Give all permits back; requests under way keep theirs."""
        with self._changed:
            self._granted = self._peak = 0
        self.renew()

    def _use(self) -> PermitUse:
        wanted = min(max(self._peak, self._in_use + self._waiting), self._most)
        held = max(min(self._granted, wanted), self._in_use)
        # what is not needed any more is not lent while the report is under way
        self._granted = min(self._granted, max(wanted, self._in_use))
        return PermitUse(
            wanted,
            held,
            self._in_use,
            self._waiting,
            self._requests,
            self._timeouts,
            self._broken,
        )

    def _take(self) -> bool:
        if self._in_use >= self._granted or time.monotonic() >= self._lease_ends_s:
            return False
        self._in_use += 1
        self._peak = max(self._peak, self._in_use)
        return True

    def _acquire(self, deadline: Deadline, stop: Stop | None) -> None:
        with self._changed:
            if self._take():
                return
            self._waiting += 1
            self._peak = max(self._peak, self._in_use + self._waiting)
        self._on_need()
        try:
            self._wait(deadline, stop)
        finally:
            with self._changed:
                self._waiting -= 1

    def _wait(self, deadline: Deadline, stop: Stop | None) -> None:
        while True:
            if stop is not None and stop.is_set():
                raise StoppedError("stopped while waiting for a connection")
            if deadline.is_over:
                raise TooLateError("no connection to the service is free before the deadline")
            with self._changed:
                if self._take():
                    return
                asks = self._may_ask()
                if not asks:
                    self._changed.wait(min(_CHECK_EVERY_S, deadline.left_s))
            if asks:
                self.renew()

    def _may_ask(self) -> bool:
        """Whether more permits could come; one thread asks, the others wait for its answer."""
        now_s = time.monotonic()
        if self._granted >= self._most and now_s < self._lease_ends_s:
            return False
        if now_s < self._ask_again_s:
            return False
        self._ask_again_s = now_s + _ASK_AGAIN_S
        return True
