"""What would break behind PgBouncer if it outlived its transaction."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.store.database import open_store
from trackflow.store.intake.point_rows import point_rows
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow_tests.helpers.pgbouncer import pgbouncer_before
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
    settings_of,
)

TURNS, THREADS = 12, 4
"""More turns than psycopg waits for before it prepares a statement, more threads than sessions."""


def test_statements_are_not_prepared(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:

        def work(name: str) -> None:
            for k in range(TURNS):
                deliver(context.store, batch_of([(name, to_us(NOON) + k, 1.0, 1.0)]))

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, "abcd"))
        assert len(contents(context.store)["gps_points"]) == TURNS * THREADS


def test_no_session_is_left_changed(database_url: str, tmp_path: Path) -> None:
    """Conflicting points go through a temporary table, reads have an isolation of their own."""
    with open_context(database_url, tmp_path) as context:
        for lon in (1.0, 2.0, 3.0):
            deliver(context.store, batch_of([("a", to_us(NOON), lon, 1.0)]))
        for _ in range(TURNS):
            with context.store.write() as connection:
                level = sa.text("SELECT current_setting('transaction_isolation')")
                assert connection.scalar(level) == "read committed"
                assert not sa.inspect(connection).has_table("incoming_points")


def test_everything_is_processed_and_read(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path, workers=2) as context:
        for name in "abc":
            deliver(context.store, batch_of_device(name, drive(NOON, 300)))
        assert not run(context).problems
        assert verify(context).ok
        assert _exported(context) == 900


def _exported(context: Context) -> int:
    with context.store.read() as connection:  # by a cursor in the server
        return sum(1 for _ in point_rows(connection, None, None, None))


def test_migrations_run(blank_database: str, tmp_path: Path) -> None:
    with pgbouncer_before(blank_database) as url:
        store = open_store(settings_of(url, tmp_path))
        assert contents(store)["tracks"] == []
        store.close()
