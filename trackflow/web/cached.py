"""Values that are slow to compute, and may be some seconds old."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from trackflow.errors import RetryableError


class CachedValue[T]:
    """A value that is slow to compute and may be some seconds old.

    A quick value is computed for every call. A slow one is computed again in a thread while the
    last value is served, and takes a twentieth of the time at most.
    """

    QUICK_S = 0.01
    SHARE = 0.05
    SHORTEST_S = 2.0

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._value: T | None = None
        self._took_s = 0.0
        self._at = float("-inf")

    def get(self) -> T:
        """The value; only the first caller of a slow one ever waits for it."""
        value = self._value
        if value is None or self._took_s <= self.QUICK_S:
            return self._refresh()
        if time.monotonic() - self._at > max(self.SHORTEST_S, self._took_s / self.SHARE):
            threading.Thread(target=self._refresh_alone, daemon=True).start()
        return value

    def _refresh(self) -> T:
        with self._lock:
            started = time.monotonic()
            self._value = value = self._compute()
            self._at = time.monotonic()
            self._took_s = self._at - started
        return value

    def _refresh_alone(self) -> None:
        if self._lock.acquire(blocking=False):
            self._lock.release()
            with suppress(RetryableError):  # the last value has to do
                self._refresh()
