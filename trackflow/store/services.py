"""The services that a process uses with the limits that all share, and its signs of life.

One thread gives the signs of life of everything that the process holds: it renews the leases of its
permits, and tells the figures of its pools and retries. It starts with the first need and ends when
nothing is held any more; a killed process holds its permits until their leases end.
"""

import threading
import uuid
from collections.abc import Mapping
from contextlib import suppress

from trackflow.concurrency.permits import RENEW_S, ConnectionLimit
from trackflow.concurrency.pools import POOLS, PoolFigures
from trackflow.concurrency.rate_limit import RateLimit
from trackflow.concurrency.retrying import RETRIES
from trackflow.errors import StoreUnavailableError
from trackflow.store.database import Store
from trackflow.store.service_limits import (
    StoreLedger,
    StoreTurns,
    note_pools,
    note_retries,
)


class Services:
    """The limits of services, by name; threads share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._process_id = uuid.uuid4()
        self._lock = threading.Lock()
        self._connections: dict[str, ConnectionLimit] = {}
        self._thread: threading.Thread | None = None
        self._is_needed = False
        self._closed = threading.Event()
        RETRIES.on_retry(self.show)

    def rate(self, service: str, per_s: float) -> RateLimit:
        """The rate limit of a service: so many requests per second of all processes together.

        Raises:
            SettingsError: the rate is not positive.
        """
        return RateLimit(per_s, StoreTurns(self._store, service))

    def connections(self, service: str, most: int) -> ConnectionLimit:
        """The connection limit of a service: at most so many at once, of all processes together."""
        with self._lock:
            if service not in self._connections:
                ledger = StoreLedger(self._store, service, self._process_id, most)
                self._connections[service] = ConnectionLimit(most, ledger, self.show)
            return self._connections[service]

    def show(self) -> None:
        """Begin with signs of life, unless they are given already."""
        with self._lock:
            self._is_needed = True
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=self._give_signs, name="signs of life", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Give everything back, and end the signs of life."""
        self._closed.set()
        with self._lock:
            thread, limits = self._thread, list(self._connections.values())
        if thread is None:
            return  # nothing was held
        thread.join()
        # what cannot be given back ends with its lease
        with suppress(StoreUnavailableError):
            for limit in limits:
                limit.give_back()
            self._tell({})

    def _tell(self, pools: Mapping[str, PoolFigures]) -> None:
        """Store the figures of the pools of this process, and its retries since the last time."""
        retries = RETRIES.take()
        try:
            with self._store.write() as connection:
                note_pools(connection, self._process_id, pools)
                note_retries(connection, retries)
        except BaseException:
            RETRIES.give_back(retries)
            raise

    def _give_signs(self) -> None:
        noted: Mapping[str, PoolFigures] = {}
        while not self._closed.wait(RENEW_S):
            with self._lock:
                self._is_needed = False
                limits = list(self._connections.values())
            # the database is away: the leases run on until they end
            with suppress(StoreUnavailableError):
                held = [limit.renew() for limit in limits]
                pools = POOLS.figures()
                if pools or noted or RETRIES.has_some:
                    self._tell(pools)
                    noted = pools
                if not pools and not any(held):
                    with self._lock:
                        if not self._is_needed:  # else somebody has begun meanwhile
                            self._thread = None
                            return
