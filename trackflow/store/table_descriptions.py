"""Descriptions of the tables and their columns, for pages and documentation."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from trackflow.store.descriptions import described
from trackflow.store.tables import metadata
from trackflow.store.types import UtcTime


@dataclass(frozen=True, slots=True)
class ColumnDescription:
    """A column.

    Attributes:
        name: its name.
        type: its type in words that fit both databases.
        description: its content; None for a table of another database.
        is_nullable: whether a row may lack a value.
        is_unique: whether no two rows have the same value.
    """

    name: str
    type: str
    description: str | None
    is_nullable: bool
    is_unique: bool


@dataclass(frozen=True, slots=True)
class TableDescription:
    """A table and its columns, in their order."""

    name: str
    columns: tuple[ColumnDescription, ...]


def describe(name: str) -> TableDescription:
    """A table by its name.

    Raises:
        KeyError: there is no such table.
    """
    return TableDescription(name, tuple(map(_column, metadata.tables[name].columns)))


def _column(column: "sa.Column[Any]") -> ColumnDescription:
    is_time = isinstance(column.type, UtcTime)
    return ColumnDescription(
        name=str(column.name),
        type="timestamp (UTC)" if is_time else str(column.type).lower(),
        description=described(column.table.name, column.name) or None,
        is_nullable=bool(column.nullable),
        is_unique=bool(column.unique),
    )
