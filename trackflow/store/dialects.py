"""What SQLite and PostgreSQL both can, and SQLAlchemy offers for each of them alone.

What PostgreSQL needs is imported when it is needed: that takes a twentieth of a second, which every
command on SQLite would wait for.
"""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_into(connection: Connection, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that knows ON CONFLICT, as the connection's database writes it."""
    return insert_of(connection.dialect.name, table)


def insert_of(dialect: str, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """As `insert_into`, by the name of the database's kind."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def is_among(dialect: str, column: "sa.ColumnElement[str]") -> sa.ColumnElement[bool]:
    """Whether a text is one of any number of values: the parameter that `listed` gives.

    `IN (?, ?, …)` is another statement for every count, to be made and planned anew, and databases
    limit the parameters of a statement.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return column == sa.any_(sa.bindparam("given", type_=postgresql.ARRAY(sa.Text)))
    return column.in_(sa.select(texts_as_table(dialect).c.value))


def texts_as_table(dialect: str) -> sa.FromClause:
    """The texts that `listed` gives as a table with the column `value`; in their order."""
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
    """Pairs of a text and a value as a table, from the parameters that `listed_pairs` gives.

    A statement that is made once, for any number of pairs, takes a tenth of the time of a statement
    for each: reports come by the hundred, each with a day of its own.

    Args:
        dialect: the name of the database's kind.
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
    connection: Connection, pairs: Sequence[tuple[str, dt.date | dt.datetime | int]]
) -> dict[str, Any]:
    """The parameters of a statement with `pairs_as_table`; on SQLite times are microseconds."""
    if connection.dialect.name == "postgresql":
        return {"texts": [text for text, _ in pairs], "values": [value for _, value in pairs]}
    return {"pairs": orjson.dumps(pairs).decode()}
