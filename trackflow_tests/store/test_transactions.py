"""Transactions that a real database breaks off are repeated whole."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.retrying import ONCE
from trackflow.errors import StoreUnavailableError
from trackflow.store.database import Store
from trackflow.store.transactions import write_repeatedly
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.waiting import PATIENCE_S


@pytest.fixture
def store(postgres_databases: postgres.Databases) -> Iterator[Store]:
    with postgres_databases.lend() as url:
        store = Store(sa.create_engine(url))
        with store.write() as connection:
            connection.execute(sa.text("CREATE TABLE numbers (id int PRIMARY KEY, n int)"))
            connection.execute(sa.text("INSERT INTO numbers VALUES (1, 0), (2, 0)"))
        yield store
        with store.write() as connection:
            connection.execute(sa.text("DROP TABLE numbers"))
        store.close()


def _add(connection: Connection, row: int) -> None:
    connection.execute(sa.text("UPDATE numbers SET n = n + 1 WHERE id = :id"), {"id": row})


def _numbers(store: Store) -> list[int]:
    with store.read() as connection:
        return list(connection.scalars(sa.text("SELECT n FROM numbers ORDER BY id")))


def test_a_broken_connection_is_replaced_and_nothing_is_stored_twice(store: Store) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> None:
        _add(connection, 1)
        tries.append(connection.scalar(sa.text("SELECT pg_backend_pid()")))
        if len(tries) == 1:
            with store.write() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": tries[0]})
        _add(connection, 2)

    write_repeatedly(store, work)
    assert len(set(tries)) == 2
    assert _numbers(store) == [1, 1]


def test_of_two_dead_locked_transactions_both_are_stored(store: Store) -> None:
    both_hold_a_row = Barrier(2)
    tries: list[tuple[int, int]] = []

    def work(rows: tuple[int, int]) -> None:
        seen: list[tuple[int, int]] = []

        def lock_both(connection: Connection) -> None:
            tries.append(rows)
            seen.append(rows)
            _add(connection, rows[0])
            if len(seen) == 1:
                both_hold_a_row.wait(PATIENCE_S)
            _add(connection, rows[1])

        write_repeatedly(store, lock_both)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, [(1, 2), (2, 1)]))
    assert len(tries) == 3
    assert _numbers(store) == [2, 2]


@pytest.mark.parametrize("again", [True, False])
def test_a_locked_file_is_tried_again(tmp_path: Path, again: bool) -> None:
    url = f"sqlite:///{tmp_path / 'numbers.db'}"
    holder = sa.create_engine(url).connect()
    holder.exec_driver_sql("CREATE TABLE numbers (n int)")
    holder.commit()
    holder.exec_driver_sql("BEGIN EXCLUSIVE")
    engine = sa.create_engine(url, connect_args={"timeout": 0})
    sa.event.listen(engine, "handle_error", lambda _: holder.rollback())
    store = Store(engine)

    def work(connection: Connection) -> None:
        connection.execute(sa.text("INSERT INTO numbers VALUES (1)"))

    if again:
        write_repeatedly(store, work)
    else:
        with pytest.raises(StoreUnavailableError):
            write_repeatedly(store, work, retry=ONCE)
    with store.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM numbers")) == int(again)
    holder.close()
    store.close()
