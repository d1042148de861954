"""Checks that the database accepts writes, with a row of its own and not too often."""

import datetime as dt
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.faults import Fault, fault_of
from trackflow.errors import StoreUnavailableError
from trackflow.store.database import BUSY_TIMEOUT_S, Store
from trackflow.store.housekeeping import marks

HEALTH = "health"
"""The name of the mark that the check writes."""

PROBE_EVERY_S = 2.0
"""The shortest time between two writes: a flood of health requests must cause no flood of them."""

LOCK_WAIT_MS = 500

TURN_S = 2.0
"""How long a check waits for another one: else all threads of a server would wait in an outage."""


class WriteProbe:
    """Writes a row, and skips the write for a moment after a success, but not after a failure."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._well_at = float("-inf")

    def check(self) -> None:
        """Check that points can be stored.

        Raises:
            StoreUnavailableError: the database is away, read-only, or had no room a moment ago.
        """
        self._store.check_full()
        if not self._lock.acquire(timeout=TURN_S):
            raise StoreUnavailableError("the database has not answered an earlier check yet")
        try:
            if time.monotonic() - self._well_at >= PROBE_EVERY_S:
                self._try()
        finally:
            self._lock.release()

    def _try(self) -> None:
        try:
            self._write()
        except StoreUnavailableError as error:
            # another writer holds the lock, so writing works
            if error.__cause__ is None or fault_of(error.__cause__) is not Fault.BUSY:
                raise
        self._well_at = time.monotonic()

    def _write(self) -> None:
        if self._store.is_postgresql:
            with self._store.write() as connection:
                connection.execute(sa.text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}"))
                self._note(connection)
            return
        # `write()` would wait for the end of an import that holds the lock
        with self._store.read() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
            try:
                self._note(connection)
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")

    def _note(self, connection: Connection) -> None:
        marks.note(connection, HEALTH, self._clock())
