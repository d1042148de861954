"""Bring a database to the newest schema."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Engine

from trackflow.store.migrations import SCHEMA_VERSION
from trackflow.store.migrations.copies import keep_copy

LOCK_KEY = 0x7261636B
"""Key of PostgreSQL's advisory lock: two processes that start at once must not both migrate."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every missing migration up to `revision`; does nothing when none is missing.

    A SQLite file is copied before. On both databases it is one transaction: all or nothing.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            with connection.begin():
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
        else:
            with connection.execution_options(sqlite_begin="IMMEDIATE").begin():
                # under the lock: another process may have migrated while this one waited
                version = MigrationContext.configure(connection).get_current_revision()
                if version not in (None, SCHEMA_VERSION):
                    keep_copy(connection)
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
