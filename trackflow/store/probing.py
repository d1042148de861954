"""Whether the database takes writes: tried with a row of its own, and not too often."""

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
"""The mark that is written."""

PROBE_EVERY_S = 2.0
"""Anybody may ask for the health: a flood of questions must not become a flood of writes."""

LOCK_WAIT_MS = 500

TURN_S = 2.0
"""How long a question waits for another one: threads that all wait for an outage serve nobody."""


class WriteProbe:
    """Tries to write, and remembers for a moment that it went well. A failure is not remembered."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._well_at = float("-inf")

    def check(self) -> None:
        """See whether points can be stored.

        Raises:
            StoreUnavailableError: the database is away, read-only, or had no room a moment ago.
        """
        self._store.check_full()
        if not self._lock.acquire(timeout=TURN_S):
            raise StoreUnavailableError("the database has not answered the last one who asked")
        try:
            if time.monotonic() - self._well_at >= PROBE_EVERY_S:
                self._try()
        finally:
            self._lock.release()

    def _try(self) -> None:
        try:
            self._write()
        except StoreUnavailableError as error:
            # somebody else writes just now, so that writing works
            if error.__cause__ is None or fault_of(error.__cause__) is not Fault.BUSY:
                raise
        self._well_at = time.monotonic()

    def _write(self) -> None:
        if self._store.is_postgresql:
            with self._store.write() as connection:
                connection.execute(sa.text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}"))
                self._note(connection)
            return
        # `write()` would wait for as long as an import holds the lock
        with self._store.read() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")
            try:
                self._note(connection)
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")

    def _note(self, connection: Connection) -> None:
        marks.note(connection, HEALTH, self._clock())
