"""What the tests of a module begin with, worked out once for each kind of database.

Working on some days takes a third of a second of processor time, and reading what came of it into
a store with no rows takes a hundredth.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store import months
from trackflow.store.database import Store
from trackflow.store.tables import metadata

type Brought = Callable[[Store], None]


class MadeOnce:
    """Rows of stores that were made by tests of this module before."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Brought] = {}

    def bring(self, store: Store, make: Callable[[], None], name: str = "") -> None:
        """Fill a store with no rows: by `make` at first, and with the same rows after that.

        Args:
            store: with today's schema.
            make: fills it; it is to leave nothing beside what the store holds.
            name: of what is made, where a module has several.
        """
        key = (store.engine.dialect.name, name)
        if key in self._known:
            self._known[key](store)
        else:
            make()
            self._known[key] = _kept_postgresql(store) if store.is_postgresql else _kept(store)


def _kept(store: Store) -> Brought:
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    _copy(store, lambda file: file.backup(kept))
    return lambda other: _copy(other, kept.backup)


def _copy(store: Store, copy: Callable[[sqlite3.Connection], None]) -> None:
    connection = store.engine.raw_connection()
    try:
        file: Any = connection.driver_connection
        copy(file)
    finally:
        connection.close()


def _kept_postgresql(store: Store) -> Brought:
    with store.read() as connection:
        rows = {
            table.name: found
            for table in metadata.sorted_tables
            if (found := _copied(connection, table.name))
        }
        first_days = {
            name: {part.start for part in months.partitions(connection, metadata.tables[name])}
            for name in rows
        }
        counted = connection.exec_driver_sql(
            "SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL"
        ).all()

    def bring(other: Store) -> None:
        with other.write() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for name, found in rows.items():
                if first_days[name]:
                    months.make(connection, metadata.tables[name], first_days[name] - {None})
                with _cursor(connection) as cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
                    copy.write(found)
            for name, value in counted:
                connection.execute(sa.select(sa.func.setval(name, value)))

    return bring


def _copied(connection: Connection, name: str) -> bytes:
    query = f"COPY (SELECT * FROM {name}) TO STDOUT"
    with _cursor(connection) as cursor, cursor.copy(query) as copy:
        return b"".join(map(bytes, copy))


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()
