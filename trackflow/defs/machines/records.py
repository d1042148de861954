"""Dagster's records in PostgreSQL, over connections that are kept.

Dagster's own storage opens a connection for each query, as every part of Dagster in a process has a
storage of its own. Its daemon and its code server ask dozens of times a second also where nothing
is to do, and a new connection takes the client and the server several times the processor time of
the query. Here all storages of a process share a few connections.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from dagster._config import UserConfigSchema
from dagster._core.storage.config import pg_config
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.schedule_storage.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import create_pg_engine, pg_url_from_config

from trackflow.defs.machines.schedule_records import QuickSchedules

KEPT = 3
"""Connections that a process keeps at most; when it needs more, it opens and closes them."""


class PooledPostgresStorage(DagsterPostgresStorage):
    """For dagster.yaml: Dagster's storage in PostgreSQL, with connections that are kept."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        process = os.getpid()
        # looking for the tables takes longer than most that a short-lived storage is asked for
        is_first = (process, postgres_url) not in _seen
        super().__init__(postgres_url, should_autocreate_tables and is_first, inst_data)
        _seen.add((process, postgres_url))
        self._schedule_storage = _Schedules(postgres_url, should_autocreate_tables=False)
        engine = _engine_of(process, postgres_url)
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            part._engine = engine

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What is written to Dagster's own storage."""
        return pg_config()

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The storage that a dagster.yaml describes."""
        makes_tables = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), makes_tables, inst_data)


class _Schedules(QuickSchedules, PostgresScheduleStorage):
    @property
    def address(self) -> str:
        return self.postgres_url


_seen: set[tuple[int, str]] = set()
"""Processes, and databases in which they have found Dagster's tables."""


@cache
def _engine_of(_process: int, url: str) -> Any:
    """The connections of a process; one that was forked must not use those of its parent."""
    # asked first whether they are there still: a server may have started again
    return create_pg_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=KEPT, max_overflow=-1, pool_pre_ping=True
    )
