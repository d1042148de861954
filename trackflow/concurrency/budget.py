"""The threads of this process that may work at once: one budget for all pools.

Each pool could keep its own limit, and several of them, or one within another, would still want
more database connections than there are. So a pool takes each thread from here. What it cannot have
it does without: its first thread needs no place, as its caller waits for it meanwhile.
"""

import threading

from trackflow.settings import MOST_CONNECTIONS

OTHER_CONNECTIONS = 2
"""To the database: one for the first thread of a pool, and one that is left over."""

MOST_THREADS = MOST_CONNECTIONS - OTHER_CONNECTIONS
"""As long as no store is open."""


class ThreadBudget:
    """So many places for threads; pools take them and give them back."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = self.places = places

    @property
    def in_use(self) -> int:
        """Places that are taken."""
        return self.places - self._free

    def resize(self, connections: int) -> None:
        """Have a place for each connection to the database but `OTHER_CONNECTIONS`."""
        with self._lock:
            places = max(connections - OTHER_CONNECTIONS, 0)
            self._free += places - self.places
            self.places = places

    def take(self) -> bool:
        """Take a place; False if there is none. Never waits, so that nested pools go on."""
        with self._lock:
            if self._free < 1:
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """Give a place back."""
        with self._lock:
            self._free += 1


BUDGET = ThreadBudget(MOST_THREADS)
"""That of this process."""
