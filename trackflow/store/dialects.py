"""What SQLite and PostgreSQL both can, and SQLAlchemy offers for each of them alone."""

from collections.abc import Sequence

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection


def insert_into(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, as the connection's database writes it."""
    return insert_of(connection.dialect.name, table)


def insert_of(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """As `insert_into`, by the name of the database's kind."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def is_among(
    connection: Connection, column: "sa.ColumnElement[str]", values: Sequence[str]
) -> sa.ColumnElement[bool]:
    """Whether a text is one of any number of values, given as one parameter.

    `IN (?, ?, …)` is another statement for every count, to be made and planned anew, and databases
    limit the parameters of a statement.
    """
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(sa.Text)))
    return column.in_(sa.select(texts_as_table(connection, values).c.value))


def texts_as_table(connection: Connection, values: Sequence[str]) -> sa.FromClause:
    """Texts, given as one parameter, as a table with the column `value`; in their order."""
    if connection.dialect.name == "postgresql":
        listed = sa.literal(list(values), postgresql.ARRAY(sa.Text))
        return sa.func.unnest(listed).table_valued("value", name="given").render_derived()
    return sa.func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
