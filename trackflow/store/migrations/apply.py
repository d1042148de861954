"""Bring a database to the newest schema."""

import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Engine

from trackflow.store.migrations import SCHEMA_VERSION, bounds
from trackflow.store.migrations.copies import keep_copy
from trackflow.store.migrations.locks import LOCK_KEY, LOCK_WAIT

TRIES, WAIT_S = 60, 1.0
"""Of a migration whose lock another transaction holds: readers of a table go on in between."""

LOCK_NOT_AVAILABLE = "55P03"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every missing migration up to `revision`; does nothing when none is missing.

    A SQLite file is copied before. On both databases it is one transaction: all or nothing.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    if engine.dialect.name == "postgresql":
        if revision == "head":
            _repeat(lambda: bounds.set_bounds(engine))
        _repeat(lambda: _upgrade_postgresql(engine, config, revision))
        return
    connecting = engine.connect().execution_options(sqlite_begin="IMMEDIATE")
    with connecting as connection, connection.begin():
        # under the lock: another process may have migrated while this one waited
        version = MigrationContext.configure(connection).get_current_revision()
        if version not in (None, SCHEMA_VERSION):
            keep_copy(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _upgrade_postgresql(engine: Engine, config: Config, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
        connection.exec_driver_sql(LOCK_WAIT)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _repeat(work: Callable[[], None]) -> None:
    """Do work of whole transactions again while it finds a table locked."""
    for left in reversed(range(TRIES)):
        try:
            work()
            return
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or not left:
                raise
        time.sleep(WAIT_S)
