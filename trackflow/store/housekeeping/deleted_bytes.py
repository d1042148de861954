"""Removes the bytes of deleted rows from SQLite's file, which only marks them as free."""

import sqlite3
from enum import Enum

from trackflow.concurrency.faults import Fault, fault_of
from trackflow.store.database import Store


class LeftoverReason(Enum):
    """Why deleted bytes are still in the file."""

    FULL = "there is no room for a second copy of the database"
    BUSY = "another process was using the database"


def rewrite_file(store: Store) -> LeftoverReason | None:
    """Rewrite SQLite's file without deleted bytes; the reason if some are left, else None.

    This needs as much free disk space as the size of the database.
    """
    try:
        with store.engine.connect() as connection:
            connection.detach()  # no later user of the connection may get the settings below
            raw = connection.connection.cursor()
            raw.execute("PRAGMA temp_store=FILE")  # in memory, a large database would not fit
            raw.execute("VACUUM")
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:  # of the raw cursor: locked, or no room for a copy
        return LeftoverReason.FULL if fault_of(error) is Fault.FULL else LeftoverReason.BUSY
    return LeftoverReason.BUSY if busy else None
