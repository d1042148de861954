"""Months of points and of lines: on PostgreSQL each is a table of its own, a partition.

A query of some days reads the partitions of these days only, and old months are dropped whole.
Housekeeping makes the next months ahead; a writer makes those that are missing, such as the years
of an imported history. There is no default partition: with one, PostgreSQL cannot read partitions
in order of time (six times slower for the newest point of a device among 240 months), and a new
month would have to wait for its readers. In a store that was made before schema 0018, all that it
held then is one partition, `…_before_YYYY_MM`.

SQLite has no partitions: there, nothing here does anything.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy import Table as Table
from sqlalchemy.engine import Connection

from trackflow.store.migrations.locks import LOCK_WAIT
from trackflow.store.tables import (
    cached_polylines,
    day_ledgers,
    gps_points,
    processing_batches,
    segments,
)

PARTITIONED = (gps_points, cached_polylines)
"""Tables by month: of `recorded_at` and of `start_time`."""

MONTHS_AHEAD = 3

_NAMES = sa.text(
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = to_regclass(:parent)"
)
_FEW_NAMES = sa.text(
    f"{_NAMES.text} AND (relname = ANY(:names) OR relname LIKE :parent || '_before_%')"
)


@dataclass(frozen=True, slots=True)
class Partition:
    """The rows of a table from `start` (None: from the first) up to `end`, not included."""

    name: str
    start: dt.date | None
    end: dt.date


def following(month: dt.date, count: int = 1) -> dt.date:
    """The first day of a later month, from the first day of a month."""
    index = month.year * 12 + month.month - 1 + count
    return dt.date(index // 12, index % 12 + 1, 1)


def column_of(table: sa.Table) -> "sa.Column[dt.datetime]":
    """The column that decides about the month of a row: the second one of the key."""
    return list(table.primary_key.columns)[1]


def make_for_times(connection: Connection, table: sa.Table, times_us: npt.ArrayLike) -> int:
    """Make the partitions of rows that this transaction is about to write; returns how many.

    Args:
        connection: in a transaction for writing.
        table: one of `PARTITIONED`.
        times_us: times of the rows, in microseconds since 1970.
    """
    if connection.dialect.name != "postgresql":
        return 0
    times = np.asarray(times_us, np.int64).astype("datetime64[us]")
    return make(connection, table, np.unique(times.astype("datetime64[M]")).tolist())


def is_missing(error: sa.exc.IntegrityError) -> bool:
    """Whether rows could not be written because the partition of their month is not there."""
    state = getattr(error.orig, "sqlstate", None)
    # the rule that a row breaks has a name, unless it is that of the partitions
    return state == "23514" and getattr(error.orig, "diag").constraint_name is None  # noqa: B009


def make_ahead(connection: Connection, today: dt.date) -> int:
    """Make the partitions of this month and of the next ones; returns how many."""
    ahead = [following(today.replace(day=1), k) for k in range(MONTHS_AHEAD + 1)]
    return sum(make(connection, table, ahead) for table in PARTITIONED)


def make(connection: Connection, table: sa.Table, months: Iterable[dt.date]) -> int:
    """Make partitions where they are missing; readers and writers go on meanwhile.

    Until the end of the transaction, no partition can be dropped, and others that make some wait.

    Args:
        connection: in a transaction for writing.
        table: one of `PARTITIONED`.
        months: their first days.

    Returns:
        How many were made.
    """
    if connection.dialect.name != "postgresql":
        return 0
    names = {f"{table.name}_{month:%Y_%m}": month for month in months}
    # before the look, as a partition may be dropped after it
    connection.exec_driver_sql(f"LOCK TABLE ONLY {table.name} IN ROW EXCLUSIVE MODE")
    if not _missing(connection, table, names):
        return 0
    connection.exec_driver_sql(f"LOCK TABLE ONLY {table.name} IN SHARE UPDATE EXCLUSIVE MODE")
    missing = _missing(connection, table, names)  # others may have made them
    for name in missing:
        first, end = (f"{day} 00:00+00" for day in (names[name], following(names[name])))
        # CREATE TABLE … PARTITION OF would have to wait for all readers, and they for it
        connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING DEFAULTS)")
        connection.exec_driver_sql(
            f"ALTER TABLE {table.name} ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{first}') TO ('{end}')"
        )
    return len(missing)


def _missing(connection: Connection, table: sa.Table, names: dict[str, dt.date]) -> list[str]:
    given = {"parent": table.name, "names": list(names)}
    found = [_partition(name) for name in connection.scalars(_FEW_NAMES, given)]
    return [
        name
        for name, month in names.items()
        if not any(p.name == name or (p.start is None and month < p.end) for p in found)
    ]


def partitions(connection: Connection, table: sa.Table) -> list[Partition]:
    """The partitions of a table, in order of time; none on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    found = [_partition(name) for name in connection.scalars(_NAMES, {"parent": table.name})]
    return sorted(found, key=lambda partition: partition.end)


def _partition(name: str) -> Partition:
    match = re.fullmatch(r"\w+?(_before)?_(\d{4})_(\d\d)", name)
    if match is None:
        raise ValueError(f"{name} is no partition that trackflow has made")
    month = dt.date(int(match[2]), int(match[3]), 1)
    return Partition(name, None, month) if match[1] else Partition(name, month, following(month))


def count_rows(connection: Connection, partition: Partition) -> int:
    """How many rows a partition has. Costly: reads an index of all of them."""
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {partition.name}").scalar_one())


def drop(connection: Connection, table: sa.Table, partition: Partition) -> bool:
    """Drop a partition if nothing that is kept was made of its days; returns whether it was.

    All readers of the table wait for the end of this transaction, so it should do nothing else.
    DETACH CONCURRENTLY would let them go on, but it commits by itself: a late point could arrive
    between the check and the drop. A transaction that began before and reads this month only
    afterwards finds no rows of it.

    Args:
        connection: in a transaction for writing, on PostgreSQL.
        table: one of `PARTITIONED`.
        partition: a partition of it.
    """
    connection.exec_driver_sql(LOCK_WAIT)
    # from here on nobody writes points: those that arrived a moment ago have a batch
    connection.exec_driver_sql(f"LOCK TABLE ONLY {table.name} IN ACCESS EXCLUSIVE MODE")
    for kept in (processing_batches, day_ledgers, segments):
        within = [kept.c.day < partition.end]
        if partition.start is not None:
            within.append(kept.c.day >= partition.start)
        if connection.scalar(sa.select(sa.literal(1)).where(*within).limit(1)) is not None:
            return False
    connection.exec_driver_sql(f"DROP TABLE {partition.name}")
    return True
