"""Descriptions of tables and columns, from `descriptions.toml` in the same folder."""

import tomllib
from functools import cache
from pathlib import Path

OF_TABLE = "table"
"""The key of the description of a table itself; the others are its columns."""


@cache
def by_subject() -> dict[str, dict[str, dict[str, str]]]:
    """Descriptions by subject, table and column."""
    text = Path(__file__).with_suffix(".toml").read_text("utf-8")
    found: dict[str, dict[str, dict[str, str]]] = tomllib.loads(text)
    return found


def described(table: str, column: str = OF_TABLE) -> str:
    """The description of a table or of its column; empty for one of another database."""
    for tables in by_subject().values():
        if table in tables:
            return tables[table].get(column, "")
    return ""
