"""Legs of a device, however many a change of rules replaces at once."""

from pathlib import Path

from trackflow.categories.legs import Leg
from trackflow.categories.modes import Mode
from trackflow.store.categories.legs import read_legs, replace_between
from trackflow_tests.helpers.stores import open_context

MORE_THAN_A_STATEMENT_TAKES = {"postgresql": 65_600, "sqlite": 32_800}
"""PostgreSQL takes 65,535 values, SQLite 32,766."""


def test_more_legs_are_replaced_than_a_statement_takes_values(
    database_url: str, tmp_path: Path
) -> None:
    second = 1_000_000
    with open_context(database_url, tmp_path) as context:
        count = MORE_THAN_A_STATEMENT_TAKES[context.store.engine.dialect.name]
        new = [
            Leg(k * second, k * second + 1, Mode.DRIVING, 1.0, 1, "model", {}) for k in range(count)
        ]
        last_us = new[-1].start_us
        with context.store.write() as connection:
            assert replace_between(connection, "van", 0, last_us, new) == len(new)
            assert replace_between(connection, "van", 0, last_us, new) == 0
            assert replace_between(connection, "van", 0, last_us, new[:1]) == len(new) - 1
        with context.store.read() as connection:
            assert len(list(read_legs(connection, None, None, None))) == 1
