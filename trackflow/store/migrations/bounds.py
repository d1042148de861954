"""Before a table of an older store becomes a partition: proves up to which month its rows go.

The proof reads the whole table. PostgreSQL would do it while all readers wait; here they go on, and
so do writers. Each step is a transaction of its own, and an interrupted one is done again.
"""

import datetime as dt
import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from trackflow.store.migrations.locks import LOCK_KEY, LOCK_WAIT

COLUMNS = {"gps_points": "recorded_at", "cached_polylines": "start_time"}

MONTHS_AHEAD = 2
"""The newest month and the one after it are still in the old rows' partition: points that arrive
while the rows are read must not be refused."""


def set_bounds(engine: Engine) -> None:
    """Give each table that has rows and no partitions a checked limit."""
    for table, column in COLUMNS.items():
        with engine.begin() as connection:
            end = _needed_end(connection, table, column)
        if end is None:
            continue
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
            connection.exec_driver_sql(LOCK_WAIT)
            known = _limit(connection, table)
            if known is None or known < end:
                _limit_rows(connection, table, column, (known, end))
        with engine.begin() as connection:
            known = _limit(connection, table)
            if known is not None:  # else another process has finished the migration
                connection.exec_driver_sql(
                    f"ALTER TABLE {table} VALIDATE CONSTRAINT {name_of(table, known)}"
                )


def end_of(connection: Connection, table: str) -> dt.date | None:
    """The month before which all rows of a table lie; None for a table without rows."""
    return _limit(connection, table) or _needed_end(connection, table, COLUMNS[table])


def name_of(table: str, end: dt.date) -> str:
    """The name of the partition of old rows, and of the limit before it is one."""
    return f"{table}_before_{end:%Y_%m}"


def _needed_end(connection: Connection, table: str, column: str) -> dt.date | None:
    kind = sa.text("SELECT relkind FROM pg_class WHERE oid = to_regclass(:name)")
    if connection.scalar(kind, {"name": table}) not in ("r", b"r"):
        return None  # no table yet, or partitions already
    month = f"date_trunc('month', greatest(max({column}), now()) AT TIME ZONE 'UTC')"
    end = f"CAST({month} + interval '{MONTHS_AHEAD} months' AS date)"
    row = connection.execute(sa.text(f"SELECT {end}, max({column}) FROM {table}")).one()
    found: dt.date | None = None if row[1] is None else row[0]
    return found


def _limit(connection: Connection, table: str) -> dt.date | None:
    query = sa.text("SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(:name)")
    for name in connection.scalars(query, {"name": table}):
        if found := re.fullmatch(rf"{table}_before_(\d{{4}})_(\d\d)", name):
            return dt.date(int(found[1]), int(found[2]), 1)
    return None


def _limit_rows(
    connection: Connection, table: str, column: str, ends: tuple[dt.date | None, dt.date]
) -> None:
    old, new = ends
    if old is not None:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name_of(table, old)}")
    connection.exec_driver_sql(
        f"ALTER TABLE {table} ADD CONSTRAINT {name_of(table, new)} "
        f"CHECK ({column} < '{new} 00:00+00') NOT VALID"
    )
