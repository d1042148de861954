"""The kill switch of a site: an event that many threads watch, and that may be thrown elsewhere."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from trackflow.errors import SwitchedOffError


class Stop(Protocol):
    """What work looks at to see whether to stop: a `threading.Event` will do."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Switch:
    """Thrown by hand, or by whoever writes to where `asked` reads; never goes back by itself.

    A step is a process of its own, so a switch that lives in memory would stop only its own
    process: `asked` reads the shared one, now and then, in whatever thread looks.
    """

    def __init__(
        self, site: str, asked: Callable[[], str | None] | None = None, *, every_s: float = 1.0
    ) -> None:
        """A switch that is not thrown.

        Args:
            site: whose switch it is, for messages.
            asked: gives the reason for which the site is switched off, None if it is not.
            every_s: how often `asked` is called at most.
        """
        self.site = site
        self._asked = asked
        self._every_s = every_s
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._reason: str | None = None

    def throw(self, reason: str) -> None:
        """Stop everything; the first reason stays."""
        with self._lock:
            self._reason = self._reason if self._reason is not None else reason

    @property
    def reason(self) -> str | None:
        """Why it was thrown, None if it was not."""
        if self._reason is None and self._asked is not None and self._is_due():
            found = self._asked()
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
        """Whether to ask now; one thread asks, the others go by what it found last."""
        with self._lock:
            now = time.monotonic()
            is_due = now - self._asked_at >= self._every_s
            if is_due:
                self._asked_at = now
            return is_due
