"""Bring a database to the newest schema."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Engine

LOCK_KEY = 0x7261636B
"""Key of PostgreSQL's advisory lock: two processes that start at once must not both migrate."""


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every missing migration up to `revision`; does nothing when none is missing."""
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
                config.attributes["connection"] = connection
                command.upgrade(config, revision)
