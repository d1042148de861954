"""An older store gets its months while others read it; a killed migration is done again."""

import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.store import months
from trackflow.store.database import _engine, open_store
from trackflow.store.migrations.apply import upgrade
from trackflow.store.tables import cached_polylines, gps_points
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.older_stores import REVISIONS
from trackflow_tests.helpers.stores import batch_of, deliver, settings_of
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

OLD = REVISIONS[REVISIONS.index("0017")]
"""The last schema without months."""

POINTS, LINES = 60_000, 500

FILL = (
    f"""
    INSERT INTO gps_points SELECT 'device-' || mod(k, 20),
        timestamptz '2025-11-01 00:00+00' + k * interval '3 minutes', 24.9, 60.2, NULL, 5, NULL,
        NULL, 'test', 1
    FROM generate_series(1, {POINTS}) AS k
    """,
    f"""
    INSERT INTO cached_polylines (device_id, start_time, end_time, day, encoded_polyline, is_raw,
        matched_share, point_count, source_coordinates_count, processing_duration_ms, input_hash,
        match, created_at)
    SELECT 'device-1', at, at + interval '5 minutes', (at AT TIME ZONE 'UTC')::date, 'line', false,
        1, 9, 9, 1, 'hash', '', at
    FROM generate_series(1, {LINES}) AS k,
        LATERAL (SELECT timestamptz '2025-11-01 00:00+00' + k * interval '1 hour' AS at) AS times
    """,
)

ALL = (
    "SELECT (SELECT (count(*), sum(hashtext(gps_points::text)))::text FROM gps_points), "
    "(SELECT (count(*), sum(hashtext(cached_polylines::text)))::text FROM cached_polylines)"
)

type Content = tuple[str, str]


@pytest.fixture
def old_url(postgres_url: str) -> Iterator[str]:
    """A store of the schema before months, with rows."""
    server = sa.make_url(postgres_url)
    name = postgres.make(server, "template1")
    url = server.set(database=name).render_as_string(hide_password=False)
    engine = _engine(url)
    upgrade(engine, OLD)
    with engine.begin() as connection:
        for statement in FILL:
            connection.exec_driver_sql(statement)
    engine.dispose()
    yield url
    postgres.drop(server, name)


def connected(url: str) -> psycopg.Connection[Content]:
    return postgres.connected(sa.make_url(url))


def content(url: str) -> Content:
    with connected(url) as connection:
        found = connection.execute(ALL).fetchone()
    assert found is not None
    return found


@contextmanager
def readers(url: str) -> Iterator[list[Content]]:
    """What others read meanwhile, over and over, in transactions of either isolation."""
    found: list[Content] = []
    ended = threading.Event()

    def read(isolation: str) -> None:
        with connected(url) as connection:
            while not ended.is_set():
                connection.execute(f"BEGIN ISOLATION LEVEL {isolation}")
                for _ in range(2):
                    row = connection.execute(ALL).fetchone()
                    assert row is not None
                    found.append(row)
                connection.execute("COMMIT")

    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read, level) for level in ("READ COMMITTED", "REPEATABLE READ")]
        try:
            wait_until(lambda: len(found) > 4)
            yield found
            count = len(found)
            wait_until(lambda: len(found) > count + 4)
        finally:
            ended.set()
        for one in reading:
            one.result(PATIENCE_S)


def opened(url: str, home: Path) -> None:
    open_store(settings_of(url, home)).close()


def check_months(url: str, home: Path) -> None:
    """The old rows are one partition; later points get months of their own."""
    with Context.open(settings_of(url, home)) as context:
        with context.store.read() as connection:
            found = {t.name: months.partitions(connection, t) for t in months.PARTITIONED}
            limits = sa.inspect(connection).get_check_constraints(found["gps_points"][0].name)
        assert limits == []
        (old,) = found["gps_points"]
        assert old.start is None
        assert old.name == f"gps_points_before_{old.end:%Y_%m}"
        later = dt.datetime(old.end.year + 1, 1, 1, tzinfo=dt.UTC)
        past = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
        deliver(context.store, batch_of([("new", to_us(t), 1.0, 1.0) for t in (past, later)]))
        with context.store.read() as connection:
            names = [part.name for part in months.partitions(connection, gps_points)]
            assert names == [old.name, f"gps_points_{later:%Y_%m}"]
            count = sa.select(sa.func.count()).select_from(gps_points)
            assert connection.scalar(count) == POINTS + 2
            lines = sa.select(sa.func.count()).select_from(cached_polylines)
            assert connection.scalar(lines) == LINES


def test_readers_see_all_rows_at_all_times(old_url: str, tmp_path: Path) -> None:
    before = content(old_url)
    with readers(old_url) as found:
        opened(old_url, tmp_path)
    assert set(found) == {before}
    check_months(old_url, tmp_path)


def test_readers_go_on_while_a_long_one_holds_the_migration_up(
    old_url: str, tmp_path: Path
) -> None:
    """A lock that waits behind an export of hours would keep everybody else from reading."""
    before = content(old_url)
    with connected(old_url) as export, ThreadPoolExecutor(1) as pool, readers(old_url) as found:
        export.execute("BEGIN")
        export.execute(ALL)
        migration = pool.submit(opened, old_url, tmp_path)
        wait_until(lambda: is_waiting(old_url))
        count = len(found)
        wait_until(lambda: len(found) > count + 20)
        assert not migration.done()
        export.execute("COMMIT")
        migration.result(PATIENCE_S)
    assert set(found) == {before}
    check_months(old_url, tmp_path)


def is_waiting(url: str) -> bool:
    """Whether somebody waits for a lock on a table."""
    with connected(url) as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        row = connection.execute(query).fetchone()
    return row is not None and int(row[0]) > 0


@pytest.mark.parametrize("moment", ["limited", "waiting"])
def test_a_killed_migration_loses_nothing(old_url: str, tmp_path: Path, moment: str) -> None:
    before = content(old_url)
    code = (
        "import sys; from pathlib import Path; from trackflow.settings import Settings; "
        "from trackflow.store.database import open_store; "
        "open_store(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2]))"
    )
    with connected(old_url) as export:
        if moment == "waiting":
            export.execute("BEGIN")
            export.execute(ALL)
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), old_url])
        wait_until(lambda: process.poll() is not None or (is_waiting if moment == "waiting" else
                 is_limited)(old_url))  # fmt: skip
        process.kill()
        process.wait(PATIENCE_S)
        assert content(old_url) == before
    opened(old_url, tmp_path)
    assert content(old_url) == before
    check_months(old_url, tmp_path)


def is_limited(url: str) -> bool:
    with connected(url) as connection:
        query = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'gps_points_before_%'"
        row = connection.execute(query).fetchone()
    return row is not None and int(row[0]) > 0


def test_people_keep_their_rights(old_url: str, tmp_path: Path) -> None:
    engine: Engine = _engine(old_url)
    role = f"reader_{to_us(dt.datetime.now(dt.UTC))}"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role}")
        connection.exec_driver_sql(f"GRANT SELECT ON gps_points, cached_polylines TO {role}")
    opened(old_url, tmp_path)
    with engine.begin() as connection:
        for table in months.PARTITIONED:
            asked = sa.text("SELECT has_table_privilege(:role, :name, :right)")
            for right, has in (("SELECT", True), ("INSERT", False)):
                given = {"role": role, "name": table.name, "right": right}
                assert connection.scalar(asked, given) is has
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")
    engine.dispose()


def test_an_empty_store_gets_no_partition_of_old_rows(old_url: str, tmp_path: Path) -> None:
    with connected(old_url) as connection:
        connection.execute("TRUNCATE gps_points, cached_polylines")
    store = open_store(settings_of(old_url, tmp_path))
    with store.read() as reading:
        assert [months.partitions(reading, table) for table in months.PARTITIONED] == [[], []]
    store.close()
