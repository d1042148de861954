"""An existing table of positions in another database, read by its id and never changed.

The table has the columns `id` (a whole number that grows), `username`, `coords` and `created_at`.
`coords` are two numbers, longitude first as in GeoJSON unless set otherwise, and an altitude
where there is a third: an array, a JSON value or text such as `[24.9, 60.2]`. A time without a
zone is UTC. Rows that are changed or deleted after they were read are not noticed.

PostgreSQL and SQLite. Each look is one read-only transaction with one view of the table.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import NullPool

from trackflow.concurrency.faults import Fault, fault_of, message_of
from trackflow.errors import RetryableError, SettingsError
from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.followed.gaps import Gap, ReadProgress, between, without
from trackflow.sources.records import PointBatch, Refusal
from trackflow.sources.rows import shown
from trackflow.sources.values.cells import Numbers, strings
from trackflow.sources.values.times import times
from trackflow.sources.values.units import Quantity

CONNECT_TIMEOUT_S = 10
BUSY_TIMEOUT_S = 10
GAPS_PER_QUERY = 200
NOT_ASKED = 2**63 - 1
"""Stands for "no transaction is older": a database that commits in the order of ids."""

ORDERS = ("lonlat", "latlon")


class TableRow(NamedTuple):
    """A row, as text where its type may differ: coords as JSON."""

    id: int
    username: str | None
    coords: str | None
    created_at: str | None


@dataclass(frozen=True, slots=True)
class TableScan:
    """What one look at the table found.

    Attributes:
        markers: rows that were not seen before, and perhaps some that were.
        progress: what to look from next time, once these are stored.
        late: how many of them were found in gaps.
        finished: whether there was no more to read.
    """

    markers: list[TableRow]
    progress: ReadProgress
    late: int
    finished: bool


class FollowedTable:
    """A table that is followed.

    Attributes:
        source: what it is known by: its address without user and password.
    """

    def __init__(self, engine: Engine, source: str, table: str) -> None:
        self.source = source
        self._engine = engine
        schema, _, name = table.rpartition(".")
        # with its type, or numbers would be sent as what fits: the smallest id is 64 bits long
        columns: list[sa.ColumnClause[Any]] = [sa.column("id", sa.BigInteger)]
        columns += [sa.column(other) for other in ("username", "coords", "created_at")]
        self._table = sa.table(name, *columns, schema=schema or None)
        self._is_postgresql = engine.dialect.name == "postgresql"

    def look(self, progress: ReadProgress, now_s: int, limit: int) -> TableScan:
        """The next rows, at most `limit`, in one view of the table.

        Raises:
            SettingsError: the table or one of its columns is not there, or may not be read.
            RetryableError: the database cannot be reached.
        """
        with self._read_transaction() as connection:
            oldest, horizon = self._transactions(connection)
            gaps = _GapScan(self, connection, now_s, oldest, limit)
            left = gaps.look(progress.gaps)
            room = limit - len(gaps.markers)
            id_ = self._table.c.id
            fresh = self.select(connection, id_ > progress.last_id, room) if room else []
        ids = [marker.id for marker in fresh]
        new_gaps = between(progress.last_id, ids, now_s, horizon)
        return TableScan(
            [*gaps.markers, *fresh],
            ReadProgress(ids[-1] if ids else progress.last_id, (*left, *new_gaps)),
            gaps.late,
            finished=len(fresh) < room,
        )

    def select(
        self, connection: Connection, where: sa.ColumnElement[bool], limit: int
    ) -> list[TableRow]:
        """Rows in the order of their ids."""
        c = self._table.c
        coords: Any = sa.func.to_json(c.coords) if self._is_postgresql else c.coords
        columns: list[sa.ColumnElement[Any]] = [
            sa.cast(c.id, sa.BigInteger),
            *(sa.cast(column, sa.Text) for column in (c.username, coords, c.created_at)),
        ]
        query = sa.select(*columns).where(where).order_by(c.id).limit(limit)
        return [TableRow(*row) for row in connection.execute(query)]

    def in_gaps(self, gaps: Sequence[Gap]) -> sa.ColumnElement[bool]:
        """Whether a row lies in one of some gaps."""
        return sa.or_(*(self._table.c.id.between(gap.first, gap.last) for gap in gaps))

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()

    def _transactions(self, connection: Connection) -> tuple[int, int]:
        """The oldest transaction that may be running in this view, and the first not begun."""
        if not self._is_postgresql:
            return NOT_ASKED, 0
        # These also make created_at have one form at any settings of the server.
        for name, value in (("TimeZone", "UTC"), ("DateStyle", "ISO, YMD")):
            connection.execute(sa.select(sa.func.set_config(name, value, True)))
        now = sa.func.txid_current_snapshot()
        row = connection.execute(
            sa.select(sa.func.txid_snapshot_xmin(now), sa.func.txid_snapshot_xmax(now))
        ).one()
        return int(row[0]), int(row[1])

    @contextmanager
    def _read_transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                if self._is_postgresql:
                    connection = connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.begin():
                    yield connection
        except (sa.exc.DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            raise _translated(error, f"the followed table {self.source}") from error


class _GapScan:
    """Looks at what may have appeared in gaps."""

    def __init__(
        self, table: FollowedTable, connection: Connection, now_s: int, oldest: int, room: int
    ) -> None:
        self.markers: list[TableRow] = []
        self.late = 0
        self._table = table
        self._connection = connection
        self._now_s = now_s
        self._oldest = oldest
        self._room = room

    def look(self, gaps: Sequence[Gap]) -> list[Gap]:
        """The gaps that are left."""
        plain = [gap for gap in gaps if not gap.dense]
        left: list[Gap] = []
        for start in range(0, len(plain), GAPS_PER_QUERY):
            left += self._look_at(plain[start : start + GAPS_PER_QUERY])
        for gap in gaps:
            if gap.dense:
                left += self._look_into(gap) if self._is_settled(gap) else [gap]
        return sorted(left, key=lambda gap: gap.first)

    def _look_at(self, gaps: Sequence[Gap]) -> list[Gap]:
        """Gaps with nothing in them, so far."""
        found, is_all = self._select(gaps)
        self.late += len(found)
        left = [gap for gap in gaps if not (is_all and self._is_settled(gap))]
        return [part for gap in left for part in without(gap, [marker.id for marker in found])]

    def _look_into(self, gap: Gap) -> list[Gap]:
        """A settled gap with much in it that was seen before: all of it, once."""
        found, is_all = self._select([gap])
        if is_all:
            return []
        first = found[-1].id + 1 if found else gap.first
        return [replace(gap, first=first)] if first <= gap.last else []

    def _select(self, gaps: Sequence[Gap]) -> tuple[list[TableRow], bool]:
        """What is in some gaps, and whether there was room for all of it."""
        room = self._room - len(self.markers)
        if not room:
            return [], False
        found = self._table.select(self._connection, self._table.in_gaps(gaps), room)
        self.markers += found
        return found, len(found) < room

    def _is_settled(self, gap: Gap) -> bool:
        return gap.is_settled(self._now_s, self._oldest)


def open_table(url: str, table: str) -> FollowedTable:
    """A table by the URL of its database and its name, with a schema before it if needed.

    Raises:
        SettingsError: the URL is not one of PostgreSQL or SQLite.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError("TRACKFLOW_FOLLOW_URL is not a database URL") from None
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        # no prepared statements: a pooler between us and the server may not support them
        arguments = {"connect_timeout": CONNECT_TIMEOUT_S, "prepare_threshold": None}
        engine = sa.create_engine(parsed, pool_size=1, connect_args=arguments)
        position = f"{parsed.host or 'localhost'}:{parsed.port or 5432}/{parsed.database}"
        return FollowedTable(engine, f"postgresql://{position}#{table}", table)
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        path = Path(str(parsed.database)).absolute()
        return FollowedTable(_sqlite_engine(path), f"sqlite://{path}#{table}", table)
    raise SettingsError(
        f"TRACKFLOW_FOLLOW_URL begins with {parsed.drivername}://; use postgresql:// or "
        "sqlite:/// and a file"
    )


def admitted(
    markers: Sequence[TableRow], source: str, order: str, now_us: int
) -> tuple[PointBatch, list[Refusal]]:
    """The points of rows, and refusals of the others.

    Args:
        markers: the rows.
        source: what the table is known by.
        order: which of the coordinates comes first, one of `ORDERS`.
        now_us: UTC microseconds.
    """
    if not markers:
        return PointBatch.empty(), []
    positions = [_position(marker.coords) for marker in markers]
    lon, lat = (0, 1) if order == "lonlat" else (1, 0)

    def describe(index: int) -> tuple[str, str]:
        marker = markers[index]
        return shown([marker.username, marker.coords, marker.created_at]), f"{source}: {marker.id}"

    found = Candidates(
        Devices.of_names([marker.username for marker in markers]),
        times(strings([marker.created_at for marker in markers])),
        Numbers.of_objects([position[lat] for position in positions], Quantity.LATITUDE),
        Numbers.of_objects([position[lon] for position in positions], Quantity.LONGITUDE),
        Numbers.of_objects([position[2] for position in positions], Quantity.LENGTH).values,
    )
    return admit(found, now_us, describe)


def _sqlite_engine(path: Path) -> Engine:
    address = f"file:{quote(str(path))}?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False
        )
        connection.isolation_level = None  # the driver must not begin transactions by itself
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _translated(error: Exception, name: str) -> Exception:
    """Whether it can get better by itself: a missing table does not, a missing server may."""
    words, fault = f"{name}: {message_of(error)}", fault_of(error)
    return SettingsError(words) if fault in (None, Fault.LACKING) else RetryableError(words)


def _position(coords: str | None) -> tuple[object, object, object]:
    """Two or three numbers from JSON, which may be JSON in a JSON text."""
    value: object = coords
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return "unreadable", "unreadable", None
    if not isinstance(value, list) or len(value) < 2:
        return None, None, None
    return value[0], value[1], value[2] if len(value) > 2 else None
