"""Descriptions of the tables that users see: for metadata in Dagster and for documentation."""

from trackflow.store import table_descriptions
from trackflow.store.table_descriptions import ColumnDescription, TableDescription

__all__ = ["ColumnDescription", "TableDescription", "describe_table"]


def describe_table(name: str) -> TableDescription:
    """A table and its columns.

    Raises:
        KeyError: there is no such table.
    """
    return table_descriptions.describe(name)
