"""The bytes of deleted rows in SQLite's file, which only marks them as free."""

import sqlite3
from enum import Enum

from trackflow.concurrency.faults import Fault, fault_of
from trackflow.store.database import Store


class Leftover(Enum):
    """Why deleted bytes are still in the file."""

    FULL = "there is no room for a second copy of the database"
    BUSY = "somebody else was using the database"


def rewrite_file(store: Store) -> Leftover | None:
    """Rewrite SQLite's file without deleted bytes; why some are left, None if none are.

    Needs as much free disk as the database is large.
    """
    try:
        with store.engine.connect() as connection:
            connection.detach()  # the settings below are not for others
            raw = connection.connection.cursor()
            raw.execute("PRAGMA temp_store=FILE")  # in memory, a large database would not fit
            raw.execute("VACUUM")
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:  # of the raw cursor: locked, or no room for a copy
        return Leftover.FULL if fault_of(error) is Fault.FULL else Leftover.BUSY
    return Leftover.BUSY if busy else None
