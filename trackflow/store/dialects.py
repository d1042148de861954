"""What SQLite and PostgreSQL both can, and SQLAlchemy offers for each of them alone."""

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(connection: Connection, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that knows ON CONFLICT, as the connection's database writes it."""
    if connection.dialect.name == "postgresql":
        # its import takes a twentieth of a second, which every command on SQLite would wait for
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)
