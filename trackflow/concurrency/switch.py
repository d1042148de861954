"""The kill switch of a site: an event that many threads watch and another process may throw."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from trackflow.errors import SwitchedOffError


class Stop(Protocol):
    """An event that work checks to see whether to stop, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Switch:
    """Stops all requests to a site: thrown by `throw`, or by the shared state; never reset.

    A step is a process of its own, so a switch in memory would stop only its own process:
    `read_reason` reads the shared state, now and then, in the thread that checks the switch.
    """

    def __init__(
        self,
        site: str,
        read_reason: Callable[[], str | None] | None = None,
        *,
        every_s: float = 1.0,
    ) -> None:
        """A switch that is not thrown.

        Args:
            site: the name of the site, for messages.
            read_reason: reads the reason for which the site is switched off, None if it is not.
            every_s: the shortest time between two calls of `read_reason`.
        """
        self.site = site
        self._read_reason = read_reason
        self._every_s = every_s
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._reason: str | None = None

    def throw(self, reason: str) -> None:
        """Stop everything; the first reason stays."""
        with self._lock:
            self._reason = self._reason if self._reason is not None else reason

    @property
    def reason(self) -> str | None:
        """Why it was thrown, None if it was not."""
        if self._reason is None and self._read_reason is not None and self._is_due():
            found = self._read_reason()
            if found is not None:
                self.throw(found)
        return self._reason

    def is_set(self) -> bool:
        """Whether it is thrown."""
        return self.reason is not None

    def check(self) -> None:
        """Go on only if it is not thrown.

        Raises:
            SwitchedOffError: it is.
        """
        reason = self.reason
        if reason is not None:
            raise SwitchedOffError(f"{self.site} is switched off: {reason}")

    def _is_due(self) -> bool:
        """Whether to read the shared state now; one thread does, the others use its result."""
        now = time.monotonic()
        if now - self._read_at < self._every_s:  # as nearly always: without the lock
            return False
        with self._lock:
            is_due = now - self._read_at >= self._every_s
            if is_due:
                self._read_at = now
            return is_due
