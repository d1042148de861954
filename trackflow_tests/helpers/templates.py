"""New stores without migrating each: the schema is made once by the migrations, then copied.

Migrating takes a tenth of a second of processor time, and a thousand tests open a new store.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from trackflow.settings import Settings
from trackflow.store.database import open_store
from trackflow.store.migrations import apply

migrate = apply.upgrade
"""The real one, also while tests open stores by `upgrade_by`."""

type Upgrade = Callable[..., None]


def schema_statements(folder: Path) -> list[str]:
    """The statements that make a SQLite store of the newest schema."""
    path = folder / "template.db"
    open_store(Settings(home=folder, database_url=f"sqlite:///{path}")).close()
    with closing(sqlite3.connect(path)) as template:
        return [text for text in template.iterdump() if not text.startswith(("BEGIN", "COMMIT"))]


def upgrade_by(statements: list[str]) -> Upgrade:
    """A stand-in for `apply.upgrade` that makes an empty SQLite store by these statements."""
    return partial(_upgrade, statements)


def _upgrade(statements: list[str], engine: Engine, revision: str = "head") -> None:
    if engine.dialect.name == "sqlite" and revision == "head":
        # one transaction, as the migrations are: other processes may open the same store
        connecting = engine.connect().execution_options(sqlite_begin="IMMEDIATE")
        with connecting as connection, connection.begin():
            if not sa.inspect(connection).get_table_names():
                for statement in statements:
                    connection.exec_driver_sql(statement)
                return
    migrate(engine, revision)
