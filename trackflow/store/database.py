"""Opens the database: a `Store` on SQLite or PostgreSQL, its schema brought up to date."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from trackflow.concurrency.budget import BUDGET
from trackflow.concurrency.faults import ADVICE, Fault, fault_of, message_of
from trackflow.errors import SettingsError, StoreRefusesError, StoreUnavailableError
from trackflow.files import make_home
from trackflow.settings import MOST_CONNECTIONS, Settings
from trackflow.store.migrations import SCHEMA_VERSION

__all__ = ["Connection", "Store", "open_store", "url_from_anywhere"]

BUSY_TIMEOUT_S = 60
"""How long a SQLite writer waits for another one; a COPY of many rows may hold it for seconds."""

KEPT_CONNECTIONS = 5
"""Of one process: it keeps so many open, and opens more while they are needed."""

CONNECT_TIMEOUT_S = 10
"""How long to wait for PostgreSQL; the driver's default for a host that is off is minutes."""

MOST_SPARES = 2
"""Engines that are kept for the next store; ticks of two threads may look at the same time."""

FULL_FOR_S = 60.0
"""How long a full disk is reported after a failed write, even if a smaller write still fits."""

SAYS_MORE = "`trackflow status` on its machine says more"


class Store:
    """A database, with transactions for readers and for writers.

    On SQLite a writer takes the write lock when it begins. A transaction that reads first and
    writes later would fail with "database is locked" after another writer's commit in between.
    """

    def __init__(
        self,
        engine: Engine,
        most_connections: int = MOST_CONNECTIONS,
        spares: "SpareEngines | None" = None,
    ) -> None:
        self.engine = engine
        self.most_connections = most_connections
        self._spares = spares
        self.is_postgresql = engine.dialect.name == "postgresql"
        # calls that bypass SQLAlchemy (COPY, executemany) raise the driver's own errors
        self._errors = (sa.exc.DBAPIError, engine.dialect.loaded_dbapi.Error)
        self._full: tuple[float, StoreRefusesError] | None = None
        self._was_read_only = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view for several reads.

        Raises:
            StoreUnavailableError: the database cannot be reached.
        """
        with self._translated(), self.engine.connect() as connection:
            if self.is_postgresql:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: everything in it is stored, or nothing.

        Raises:
            StoreUnavailableError: the database cannot be reached or stays locked.
        """
        if self._was_read_only:
            # a connection stays on the server that has become read-only: connect anew
            self.engine.dispose()
        with self._translated(), self.engine.connect() as connection:
            options = {} if self.is_postgresql else {"sqlite_begin": "IMMEDIATE"}
            with connection.execution_options(**options).begin():
                yield connection
        self._full, self._was_read_only = None, False

    @contextmanager
    def rehearsed(self) -> Iterator["Store"]:
        """This store for a rehearsal: its writes can be read, and are rolled back at the end.

        Everything is one transaction. Until its end other writers wait on SQLite, and on PostgreSQL
        those that write to the same devices.

        Raises:
            StoreUnavailableError: the database cannot be reached or stays locked.
        """
        with self._translated(), self.engine.connect() as connection:
            options = {} if self.is_postgresql else {"sqlite_begin": "IMMEDIATE"}
            transaction = connection.execution_options(**options).begin()
            try:
                yield _RehearsedStore(self.engine, self.most_connections, connection)
            finally:
                transaction.rollback()

    def check_full(self) -> None:
        """Check that there was room for the last write of this process.

        Raises:
            StoreRefusesError: the disk was full a moment ago.
        """
        if self._full is not None and time.monotonic() - self._full[0] < FULL_FOR_S:
            raise StoreRefusesError(str(self._full[1]), self._full[1].outward)

    def connections(self) -> tuple[int, int]:
        """Connections of this process: those in use, and those that it keeps open for the next."""
        pool: Any = self.engine.pool
        return max(pool.checkedout(), 0), max(pool.checkedin(), 0)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._spares is not None:
            self._spares.put(self.engine, self.most_connections)
            self._spares = None

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.TimeoutError as error:
            raise StoreUnavailableError(
                f"the database {self.name} is busy: all connections are in use",
                "the database is busy: all connections are in use",
            ) from error
        except self._errors as error:
            fault = fault_of(error)
            if fault is None:
                raise
            raise self._unavailable(fault, error) from error

    def _unavailable(self, fault: Fault, error: Exception) -> StoreUnavailableError:
        advice = ADVICE[fault]
        message = f"the database {self.name} failed: {message_of(error)}"
        if advice:
            message += f" ({fault}: {advice})"
        outward = f"the database failed: {fault}, {advice or SAYS_MORE}"
        self._was_read_only |= fault is Fault.READ_ONLY
        if fault is Fault.FULL:
            self._full = time.monotonic(), StoreRefusesError(message, outward)
        refuses = fault in (Fault.READ_ONLY, Fault.FULL, Fault.ENDED)
        return (StoreRefusesError if refuses else StoreUnavailableError)(message, outward)

    @property
    def url(self) -> str:
        """The address of the database, without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def schema(self) -> str:
        """The version of its tables, to which opening it has brought them."""
        return SCHEMA_VERSION

    @property
    def name(self) -> str:
        """The database for messages: its file, or its address without the password."""
        url = self.engine.url
        if url.database and not self.is_postgresql:
            return url.database
        return url.set(query={}).render_as_string(hide_password=True)


class _RehearsedStore(Store):
    """A store whose transactions are parts of one that will be rolled back."""

    def __init__(self, engine: Engine, most_connections: int, connection: Connection) -> None:
        super().__init__(engine, most_connections)
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self._connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._connection.begin_nested():
            yield self._connection


class SpareEngines:
    """Engines of closed stores, for the next store of the same database.

    They hold no connection, but what they have compiled: each engine compiles a statement anew, and
    where a store is opened for a look every few seconds, that took longer than the looks.
    """

    def __init__(self) -> None:
        # no lock: a process that is forked while another thread has it would wait for ever
        self._kept: deque[tuple[Engine, int]] = deque(maxlen=MOST_SPARES)

    def put(self, engine: Engine, most_connections: int) -> None:
        """Keep an engine without connections; the oldest of too many goes."""
        self._kept.append((engine, most_connections))

    def take(self, url: URL, most_connections: int) -> Engine | None:
        """An engine for a database and as many connections at most; None if there is none."""
        with suppress(IndexError):
            for _ in range(MOST_SPARES):
                engine, most = self._kept.popleft()
                if engine.url == url and most == most_connections:
                    return engine
                self.put(engine, most)
        return None


def open_store(settings: Settings, spares: SpareEngines | None = None) -> Store:
    """The store of these settings; created or migrated first where needed.

    Args:
        settings: the database and its limits.
        spares: engines to use again, and where that of this store goes when it is closed.

    Raises:
        SettingsError: the URL is not one of SQLite or PostgreSQL, the folder cannot be made, or a
            newer trackflow has made the database.
        StoreUnavailableError: the database cannot be reached.
    """
    try:
        make_home(settings.home)
    except SettingsError:
        # with a database elsewhere only those need it that have networks, files or logs there
        if not settings.database_url:
            raise
    most = settings.database_connections
    BUDGET.resize(most)
    engine = spares.take(_parsed(settings.url), most) if spares else None
    store = Store(engine or _engine(settings.url, most), most, spares)
    try:
        with store._translated():
            _migrate(store.engine)
    except BaseException:
        store.close()
        raise
    return store


def url_from_anywhere(database_url: str) -> str:
    """The same database for a program in another folder: an SQLite file's path may be relative."""
    if not database_url.startswith("sqlite"):
        return database_url
    url = make_url(database_url)
    return str(url.set(database=str(Path(url.database or "").absolute())))


def _migrate(engine: Engine) -> None:
    version = _schema_version(engine)
    if version is not None and version > SCHEMA_VERSION:
        raise SettingsError(
            f"a newer trackflow has made this database (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): update trackflow"
        )
    if version != SCHEMA_VERSION:
        # importing alembic takes a fifth of a second: only when a migration is needed
        from trackflow.store.migrations.apply import upgrade

        upgrade(engine)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError("TRACKFLOW_DATABASE_URL is not a database URL") from None
    if parsed.drivername == "postgresql":
        # a bare postgresql:// means psycopg2 or psycopg 3 depending on SQLAlchemy's version
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise SettingsError(
            f"TRACKFLOW_DATABASE_URL begins with {parsed.drivername}://; use sqlite:/// or "
            "postgresql+psycopg://"
        )
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise SettingsError(
            "TRACKFLOW_DATABASE_URL names no file; write sqlite:///folder/trackflow.db"
        )
    return parsed


def _engine(url: str, most_connections: int = MOST_CONNECTIONS) -> Engine:
    kept = min(KEPT_CONNECTIONS, most_connections)
    pool = {"pool_size": kept, "max_overflow": most_connections - kept}
    parsed = _parsed(url)
    if parsed.drivername == "sqlite":
        engine = sa.create_engine(
            parsed, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True, **pool
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    timeout = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_TIMEOUT_S}
    engine = sa.create_engine(
        parsed, pool_pre_ping=True, connect_args=timeout, hide_parameters=True, **pool
    )
    sa.event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Plan each statement for its values, and prepare none behind a pooler.

    PostgreSQL would plan a prepared statement once, for any values: that the stops of a day are few
    it knew no more at the eleventh time, and took ten times as long.

    Behind a pooler the next transaction may be in another session. PgBouncer and its like give
    their clients process ids of their own. There, everything that would outlive a transaction (SET,
    session locks, temporary tables) is out of place as well.
    """
    connection.autocommit = True
    (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    if pid == connection.info.backend_pid:
        connection.execute("SET plan_cache_mode = force_custom_plan")
    else:
        connection.prepare_threshold = None
    connection.autocommit = False


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for pragma in (
        "journal_mode=WAL",  # readers see the last committed state during a write
        "synchronous=NORMAL",  # survives a killed process; a power cut may lose commits
        "cache_size=-65536",  # 64 MiB; the default of 2 MiB makes bulk upserts three times slower
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _schema_version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return version
