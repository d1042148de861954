"""Dagster's records in SQLite files, without making everything anew for each query.

Dagster's own storage makes an engine for each query: SQLAlchemy asks SQLite for its version and
compiles the query again, which takes several times as long as the query. It also reads its hundred
migrations whenever a process opens the records, or those of another run. Its daemon and its code
server ask dozens of times a second also where nothing is to do.

The files are those of Dagster's own storage; either goes on with what the other wrote.
"""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool

from trackflow.defs.machines.schedule_records import QuickSchedules

LASTING = 8
"""Files that a process holds open: of runs, schedules and events; a test has several instances."""

LASTING_SHARDS = (INDEX_SHARD_NAME, RUNLESS_RUN_ID)
"""Files of events that no run begins or ends."""

FILES = 64
"""Files for which a process remembers what it has compiled: each run has one of its own."""


class KeptSqliteStorage(DagsterSqliteStorage):
    """For dagster.yaml: Dagster's storage in SQLite, with engines that are kept."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.base_dir = base_dir
        self._run_storage = _Runs.from_local(_runs_directory(base_dir))
        self._event_log_storage = _Events(_event_logs_directory(base_dir))
        self._schedule_storage = _Schedules.from_local(_schedule_directory(base_dir))
        self._inst_data = inst_data
        # not that of the parent, which would make storages of its own
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The storage that a dagster.yaml describes."""
        return cls(config_value["base_dir"], inst_data)


class _Runs(SqliteRunStorage):
    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        url = create_db_conn_string(base_dir, "runs")
        return (
            cls(url, inst_data)
            if _is_made(_engine(url))
            else super().from_local(base_dir, inst_data)
        )

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with _lasting(self._conn_string).begin() as connection:
            yield connection


class _Schedules(QuickSchedules, SqliteScheduleStorage):
    @classmethod
    def from_local(
        cls, base_dir: str, inst_data: ConfigurableClassData | None = None
    ) -> SqliteScheduleStorage:
        url = create_db_conn_string(base_dir, "schedules")
        return (
            cls(url, inst_data)
            if _is_made(_engine(url))
            else super().from_local(base_dir, inst_data)
        )

    @property
    def address(self) -> str:
        return self._conn_string

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with _lasting(self._conn_string).begin() as connection:
            yield connection


class _Events(SqliteEventLogStorage):
    """The events of all runs: a file for each run, and one with those that matter to others."""

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            if shard in LASTING_SHARDS:
                _hold_open(_path(engine))
            with engine.begin() as connection:
                yield connection

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        path = _path(engine)
        if not for_index_shard and not path.exists():
            _place(_run_without_events(), path)
        if not _is_made(engine):
            super()._initdb(engine, for_index_shard)


def _lasting(url: str) -> Engine:
    """The engine of a file that is used as long as the process runs."""
    engine = _engine(url)
    _hold_open(_path(engine))
    return engine


@lru_cache(LASTING)
def _hold_open(path: Path) -> sqlite3.Connection:
    """Keep a file from being closed for the last time: its log is then written back, waited for.

    Else each event would wait four times for the disk, and a long history for minutes.
    """
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # only now it is open
    return connection


@lru_cache(FILES)
def _engine(url: str) -> Engine:
    """What opens connections to a file; it keeps none, so nothing is to be closed."""
    engine = create_engine(
        url, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    """Wait for the disk as seldom as the store does: a power cut may lose the last events."""
    connection.execute("PRAGMA synchronous=NORMAL").close()


def _is_made(engine: Engine) -> bool:
    """Whether a file has all tables: the number of its last migration is written at the end."""
    if not _path(engine).exists():  # asking would make it
        return False
    with engine.connect() as connection:
        return (
            engine.dialect.has_table(connection, "alembic_version")
            and connection.exec_driver_sql("SELECT 1 FROM alembic_version").first() is not None
        )


def _path(engine: Engine) -> Path:
    return Path(engine.url.database or "")


@cache
def _run_without_events() -> bytes:
    """The file of a run to which nothing has happened yet."""
    with tempfile.TemporaryDirectory() as folder:
        events = SqliteEventLogStorage(folder)
        with events.run_connection("run"):
            pass
        return Path(events.path_for_shard("run")).read_bytes()


def _place(content: bytes, path: Path) -> None:
    """Write a file whole, unless another process has: that one may hold events already.

    Nothing is written where there are no links; Dagster then makes the file by its migrations.
    """
    part = path.with_name(f".{uuid4().hex}")
    part.write_bytes(content)
    with suppress(OSError):
        path.hardlink_to(part)
    part.unlink()
