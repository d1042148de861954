"""The threads of this process that may work at once: one budget for all pools.

Each pool could keep its own limit, and several of them, or one within another, would still want
more database connections than there are. So a pool takes each thread from here. What it cannot have
it does without: its first thread needs no place, as its caller waits for it meanwhile.
"""

import threading

from trackflow.settings import MOST_CONNECTIONS

MOST_THREADS = MOST_CONNECTIONS - 2
"""The database has two connections more: one for the first thread of a pool, and one left over."""


class ThreadBudget:
    """So many places for threads; pools take them and give them back."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = self.places = places

    @property
    def in_use(self) -> int:
        """Places that are taken."""
        return self.places - self._free

    def take(self) -> bool:
        """Take a place; False if there is none. Never waits, so that nested pools go on."""
        with self._lock:
            if self._free < 1:
                return False
            self._free -= 1
            return True

    def limit(self, places: int) -> None:
        """Have so many places from now on, taken ones included."""
        with self._lock:
            self._free += places - self.places
            self.places = places

    def give_back(self) -> None:
        """Give a place back."""
        with self._lock:
            self._free += 1


BUDGET = ThreadBudget(MOST_THREADS)
"""That of this process."""
