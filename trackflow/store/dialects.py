"""SQL that SQLite and PostgreSQL both have, but SQLAlchemy offers for each of them separately.

SQLAlchemy's module for PostgreSQL is imported when it is needed: its import takes a twentieth of a
second, which would delay every command on SQLite.
"""

import datetime as dt
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(connection: Connection, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT with ON CONFLICT, in the dialect of the connection's database."""
    return insert_of(connection.dialect.name, table)


def insert_of(dialect: str, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """As `insert_into`, by the name of the dialect."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def create_temporary(connection: Connection, table: sa.Table) -> None:
    """Create a temporary table; on PostgreSQL for this transaction only.

    Behind a pooler the session goes to somebody else.
    """
    if connection.dialect.name == "postgresql":
        table.dialect_kwargs["postgresql_on_commit"] = "DROP"
    table.create(connection)


@functools.lru_cache(maxsize=128)
def is_among(dialect: str, column: "sa.ColumnElement[str]") -> sa.ColumnElement[bool]:
    """The condition that a text is one of any number of values: the parameter of `listed`.

    `IN (?, ?, …)` would be a different statement for every count, compiled and planned anew, and
    databases limit the parameters of a statement. Conditions are kept: to build one takes as long
    as to look up a few rows by it.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return column == sa.any_(sa.bindparam("given", type_=postgresql.ARRAY(sa.Text)))
    return column.in_(sa.select(texts_as_table(dialect).c.value))


def texts_as_table(dialect: str) -> sa.FromClause:
    """The texts of the parameter of `listed` as a table with the column `value`, in their order."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        given = sa.bindparam("given", type_=postgresql.ARRAY(sa.Text))
        return sa.func.unnest(given).table_valued("value", name="texts").render_derived()
    return sa.func.json_each(sa.bindparam("given", type_=sa.Text)).table_valued("value")


def listed(connection: Connection, values: Sequence[str]) -> dict[str, Any]:
    """The parameter of a statement with `is_among` or `texts_as_table`."""
    if connection.dialect.name == "postgresql":
        return {"given": list(values)}
    return {"given": orjson.dumps(list(values)).decode()}


def pairs_as_table(dialect: str, names: tuple[str, str], kind: Any) -> sa.FromClause:
    """Pairs of a text and a value as a table, from the parameters of `listed_pairs`.

    One statement for any number of pairs takes a tenth of the time of a statement for each: reports
    arrive by the hundred, each with a day of its own.

    Args:
        dialect: the name of the dialect.
        names: of the two columns.
        kind: the type of the second one.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        texts = sa.bindparam("texts", type_=postgresql.ARRAY(sa.Text))
        values = sa.bindparam("values", type_=postgresql.ARRAY(kind))
        return sa.func.unnest(texts, values).table_valued(*names, name="given").render_derived()
    pair = sa.func.json_each(sa.bindparam("pairs", type_=sa.Text)).table_valued("value").c.value
    return sa.select(
        sa.func.json_extract(pair, "$[0]", type_=sa.Text).label(names[0]),
        sa.func.json_extract(pair, "$[1]", type_=kind).label(names[1]),
    ).subquery("given")


def listed_pairs(
    connection: Connection, pairs: Sequence[tuple[str, dt.date | dt.datetime | int | str]]
) -> dict[str, Any]:
    """The parameters of a statement with `pairs_as_table`; on SQLite times are microseconds."""
    if connection.dialect.name == "postgresql":
        return {"texts": [text for text, _ in pairs], "values": [value for _, value in pairs]}
    return {"pairs": orjson.dumps(pairs).decode()}
