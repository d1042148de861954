"""Databases in real trouble, for as long as a `with` lasts."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy import make_url

from trackflow.store.database import Store

type Trouble = Callable[[Store], Any]

TABLES = ("gps_points", "segments", "service_marks")
"""Which another session holds, so that statements wait for them until they are ended."""


@contextmanager
def read_only(store: Store) -> Iterator[None]:
    """As after a fail-over: the server answers, and takes no writes."""
    if store.is_postgresql:
        database = store.engine.url.database
        _admin(store, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        _end_sessions(store)
        yield
        _admin(store, f"ALTER DATABASE {database} RESET default_transaction_read_only")
        return
    with _pragmas(store, "query_only = on"):
        yield


@contextmanager
def full(store: Store) -> Iterator[None]:
    """No room for another page; on PostgreSQL, its error of a full disk for every row."""
    if store.is_postgresql:
        _admin(
            store,
            "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; "
            "END $$",
        )
        for table in ("gps_points", "segments", "receipts", "devices"):
            _admin(
                store,
                f"CREATE TRIGGER no_room BEFORE INSERT ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION no_room()",
            )
        yield
        _admin(store, "DROP FUNCTION no_room CASCADE")
        return
    with store.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with _pragmas(store, f"max_page_count = {pages}"):
        yield


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another program writes and does not end."""
    path = store.engine.url.database
    assert path
    with (
        _pragmas(store, "busy_timeout = 50"),
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def slow(store: Store) -> Iterator[None]:
    """Statements that need some tables run into `statement_timeout`, before waits for locks end."""
    database = store.engine.url.database
    _admin(store, f"ALTER DATABASE {database} SET statement_timeout = '400ms'")
    _end_sessions(store)
    with _holding(store):
        yield
    _admin(store, f"ALTER DATABASE {database} RESET statement_timeout")
    _end_sessions(store)


@contextmanager
def cancelled(store: Store) -> Iterator[None]:
    """Somebody cancels each statement that needs some tables, a COPY among them."""
    over = False

    def cancel() -> None:
        with _session(store) as admin:
            while not over:
                admin.execute(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE "
                    "datname = current_database() AND wait_event_type = 'Lock'"
                )
                time.sleep(0.05)

    thread = Thread(target=cancel)
    thread.start()
    try:
        with _holding(store):
            yield
    finally:
        over = True
        thread.join()


ON_SQLITE: dict[str, Trouble] = {"read_only": read_only, "full": full, "locked": locked}
ON_POSTGRESQL: dict[str, Trouble] = {
    "read_only": read_only,
    "full": full,
    "slow": slow,
    "cancelled": cancelled,
}


def troubles(store: Store) -> dict[str, Trouble]:
    """What can happen to this kind of database."""
    return ON_POSTGRESQL if store.is_postgresql else ON_SQLITE


@contextmanager
def _pragmas(store: Store, pragma: str) -> Iterator[None]:
    """Every connection to an SQLite file with a setting."""

    def change(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    sa.event.listen(store.engine, "connect", change)
    store.engine.dispose()
    try:
        yield
    finally:
        sa.event.remove(store.engine, "connect", change)
        store.engine.dispose()


@contextmanager
def _holding(store: Store) -> Iterator[None]:
    with _session(store, autocommit=False) as other:
        other.execute("SET statement_timeout = 0")
        other.execute(f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE")
        yield
        other.rollback()


def _session(store: Store, *, autocommit: bool = True) -> psycopg.Connection[Any]:
    url = make_url(str(store.engine.url.render_as_string(hide_password=False)))
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(address, autocommit=autocommit)


def _admin(store: Store, statement: str) -> None:
    with _session(store) as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(statement)


def _end_sessions(store: Store) -> None:
    with _session(store) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
