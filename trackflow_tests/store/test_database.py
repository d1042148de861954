"""Opening a store: its schema is right, harmless to repeat, and what is wrong is said clearly."""

import multiprocessing
import os
import resource
import socket
import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from trackflow.errors import SettingsError, StoreUnavailableError
from trackflow.geo.time import to_us
from trackflow.settings import Settings
from trackflow.store.database import SpareEngines, open_store
from trackflow.store.tables import devices, metadata
from trackflow_tests.helpers.stores import NOON, batch_of, contents, deliver, settings_of


def opened(url: str, home: Path) -> None:
    open_store(settings_of(url, home)).close()


def message_of(url: str, home: Path) -> str:
    """What the command line would print; always one line."""
    with pytest.raises(StoreUnavailableError) as caught:
        opened(url, home)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _differs(context, inspected, column, *defaults: object) -> bool | None:
    """As alembic does it, but PostgreSQL cannot compare JSON."""
    return False if isinstance(column.type, sa.JSON) else None


def test_migrations_give_the_schema_of_the_tables(blank_database_url: str, tmp_path: Path) -> None:
    store = open_store(settings_of(blank_database_url, tmp_path))
    options = {"compare_type": True, "compare_server_default": _differs}
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        names = {
            name
            for table in metadata.tables
            for name in [c["name"] for c in sa.inspect(connection).get_check_constraints(table)]
        }
    store.close()
    checks = {
        check.name
        for table in metadata.tables.values()
        for check in table.constraints
        if isinstance(check, sa.CheckConstraint)
    }
    assert names == checks, "alembic does not compare these"


def test_a_batch_cannot_have_an_unknown_status(database_url: str, tmp_path: Path) -> None:
    store = open_store(settings_of(database_url, tmp_path))
    deliver(store, batch_of([("a", to_us(NOON), 1.0, 1.0)]))
    with pytest.raises(sa.exc.IntegrityError), store.write() as connection:
        connection.execute(sa.text("UPDATE processing_batches SET status = 'done'"))
    store.close()


def test_opening_again_changes_nothing(blank_database_url: str, tmp_path: Path) -> None:
    store = open_store(settings_of(blank_database_url, tmp_path))
    deliver(store, batch_of([("a", to_us(NOON), 1.0, 1.0)]))
    before = contents(store)
    store.close()
    opened(blank_database_url, tmp_path)
    again = open_store(settings_of(blank_database_url, tmp_path))
    assert contents(again) == before
    again.close()


def test_processes_may_open_a_new_store_at_the_same_time(
    blank_database_url: str, tmp_path: Path
) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=spawn) as pool:
        list(pool.map(os.getpid, []))
        for job in [pool.submit(opened, blank_database_url, tmp_path) for _ in range(6)]:
            job.result()
    store = open_store(settings_of(blank_database_url, tmp_path))
    assert contents(store)["tracks"] == []
    store.close()


def test_a_new_home_is_its_owners_alone_with_any_database(
    database_url: str, tmp_path: Path
) -> None:
    """What serves writes its log there, also where the points are in PostgreSQL."""
    home = tmp_path / "new" / "home"
    opened(database_url, home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_default_is_a_sqlite_file_in_the_home_folder(tmp_path: Path) -> None:
    opened("", tmp_path / "new" / "home")
    assert (tmp_path / "new" / "home" / "trackflow.db").is_file()


def test_the_usual_spellings_of_a_postgresql_url_work(postgres_url: str, tmp_path: Path) -> None:
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        opened(postgres_url.replace("postgresql+psycopg", scheme), tmp_path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://u:geheim@h/d", "mysql"),
        ("postgresql+psycopg2://u:geheim@h/d", "psycopg"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://u:geheim@h:port/d", "not a database URL"),
    ],
)
def test_an_odd_url_is_said_clearly(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        opened(url, tmp_path)
    assert "geheim" not in str(caught.value)


def test_an_unreachable_postgresql_is_said_clearly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        message = message_of(f"postgresql://me:geheim@127.0.0.1:{port}/d?password=geheim", tmp_path)
    assert "127.0.0.1" in message
    assert "geheim" not in message


def test_a_wrong_database_name_is_said_clearly(postgres_url: str, tmp_path: Path) -> None:
    url = sa.make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    assert '"nowhere" does not exist' in message_of(url, tmp_path)


def test_a_file_that_is_no_database_is_said_clearly(tmp_path: Path) -> None:
    path = tmp_path / "trackflow.db"
    path.write_text("this is a text file, and rather longer than a header\n" * 100)
    message = message_of(f"sqlite:///{path}", tmp_path)
    assert "not a database" in message
    assert "restore a backup" in message
    assert path.read_text().startswith("this is a text file")


def test_a_database_that_cannot_be_written_is_said_clearly(tmp_path: Path) -> None:
    opened(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path)
    # as root, files cannot be made read-only by their mode
    url = f"sqlite:///file:{tmp_path / 'trackflow.db'}?mode=ro&uri=true"
    store = open_store(Settings(home=tmp_path, database_url=url))
    with pytest.raises(StoreUnavailableError, match="readonly"):
        deliver(store, batch_of([("a", to_us(NOON), 1.0, 1.0)]))
    store.close()


def test_a_disk_without_room_to_open_a_file_is_said_clearly(tmp_path: Path) -> None:
    """SQLite needs a small file beside it even to read; it told of a "disk I/O error"."""
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    opened(url, tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # as if the disk were full
    try:
        message = message_of(url, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "there is no room left" in message


def test_a_missing_folder_is_said_clearly(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "trackflow.db"
    message = message_of(f"sqlite:///{path}", tmp_path)
    assert str(path) in message
    assert "unable to open" in message


def test_a_home_that_is_a_file_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(SettingsError, match="TRACKFLOW_HOME"):
        opened("", tmp_path / "home")


def test_a_newer_schema_is_left_alone(database_url: str, tmp_path: Path) -> None:
    store = open_store(settings_of(database_url, tmp_path))
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(SettingsError, match="newer trackflow"):
        opened(database_url, tmp_path)


def test_a_locked_database_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackflow.store.database.BUSY_TIMEOUT_S", 0.2)
    path = tmp_path / "trackflow.db"
    store = open_store(settings_of(f"sqlite:///{path}", tmp_path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked"), store.write():
        pass
    other.close()
    store.close()


def test_the_engine_of_a_closed_store_serves_the_next_one(
    database_url: str, tmp_path: Path
) -> None:
    settings, spares = settings_of(database_url, tmp_path), SpareEngines()
    first = open_store(settings, spares)
    meanwhile = open_store(settings, spares)
    assert meanwhile.engine is not first.engine
    with first.read() as connection:
        connection.execute(sa.select(devices.c.device_id)).all()
    first.close()
    first.close()
    assert first.connections() == (0, 0)

    few = open_store(replace(settings, database_connections=2), spares)
    assert few.engine is not first.engine
    again, another = (open_store(settings, spares) for _ in range(2))
    assert again.engine is first.engine is not another.engine
    for store in (meanwhile, few, again, another):
        store.close()


def test_a_spare_engine_sees_a_file_that_has_taken_the_place_of_the_former(tmp_path: Path) -> None:
    settings, spares = settings_of("", tmp_path), SpareEngines()
    for device in ("former", "new"):
        store = open_store(settings, spares)
        deliver(store, batch_of([(device, to_us(NOON), 24.9, 60.2)]))
        with store.read() as connection:
            assert connection.scalars(sa.select(devices.c.device_id)).all() == [device]
        store.close()
        for file in tmp_path.glob("trackflow.db*"):
            file.unlink()


def test_postgresql_plans_each_statement_for_its_values(postgres_url: str, tmp_path: Path) -> None:
    """A plan for any values took ten times as long where the values ask for few rows."""
    store = open_store(settings_of(postgres_url, tmp_path))
    query = sa.select(devices.c.device_id).where(devices.c.created_at > sa.bindparam("after"))
    with store.read() as connection:
        for _ in range(30):
            connection.execute(query, {"after": NOON}).all()
        plans = sa.text("SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements")
        generic, custom = connection.execute(plans).one()
    store.close()
    assert (generic, custom > 10) == (0, True)
