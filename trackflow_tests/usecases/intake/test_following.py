"""A table is followed while others write to it: late, in any order, or not in the end."""

import datetime as dt
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from trackflow.context import Context
from trackflow.errors import RetryableError, SettingsError
from trackflow.sources.followed import gaps
from trackflow.sources.followed.table import FollowedTable
from trackflow.store.intake import acceptance
from trackflow.store.intake.following import read_progress
from trackflow.usecases.intake import following
from trackflow.usecases.intake.following import FollowedSource, follow
from trackflow_tests.helpers.stores import Clock, contents, empty, open_context

PASSWORD = "geheim"
CREATE = (
    "CREATE TABLE markers (id bigserial PRIMARY KEY, username text, coords float8[], "
    "created_at timestamptz)"
)
INSERT = (
    "INSERT INTO markers (username, coords, created_at) "
    "VALUES (%s, %s, timestamptz '2026-03-02 00:00:00+00' + %s * interval '1 second')"
)
ALL_SETTLED_S = gaps.SETTLE_S + 1


class Foreign:
    """Somebody else's PostgreSQL, of which trackflow may only read."""

    def __init__(self, server: str) -> None:
        name = f"foreign_{uuid4().hex}"
        admin = make_url(server).set(drivername="postgresql")
        with psycopg.connect(_address(admin), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
            connection.execute(
                f"DO $$ BEGIN CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'; "
                "EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            )
        self._owner = _address(admin.set(database=name))
        self.url = _address(admin.set(database=name, username="reader", password=PASSWORD))
        self._rows = 0
        self._connection = psycopg.connect(self._owner, autocommit=True, prepare_threshold=None)
        self.query("CREATE SCHEMA other")
        self.query(CREATE)
        self.query("GRANT SELECT ON markers TO reader")

    def reset(self) -> None:
        self.query("TRUNCATE markers RESTART IDENTITY")
        self.query("GRANT SELECT ON markers TO reader")

    def query(self, statement: str, *values: object) -> None:
        self._connection.execute(statement, values)

    def delete(self, number: int) -> int | None:
        """The second of the deleted row, if there was one."""
        row = self._connection.execute(
            "DELETE FROM markers WHERE id = %s "
            "RETURNING extract(epoch FROM created_at - timestamptz '2026-03-02 00:00:00+00')",
            (number,),
        ).fetchone()
        return row and int(row[0])

    def close(self) -> None:
        self._connection.close()

    def begin(self) -> psycopg.Connection:
        return psycopg.connect(self._owner)

    def insert(self, connection: psycopg.Connection, count: int = 1) -> list[int]:
        """Rows of which each has a time of its own; returns the seconds of these times."""
        seconds = list(range(self._rows, self._rows + count))
        self._rows += count
        for second in seconds:
            connection.execute(INSERT, ("van", [24.9, 60.1 + second * 1e-4], second))
        return seconds

    def add(self, count: int = 1) -> list[int]:
        with self.begin() as connection:
            return self.insert(connection, count)


def _address(url) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def foreign(postgres_url: str) -> Iterator[Foreign]:
    server = Foreign(postgres_url)
    yield server
    server.close()


@pytest.fixture
def markers(foreign: Foreign) -> FollowedSource:
    foreign.reset()
    return FollowedSource(foreign.url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with open_context(f"sqlite:///{tmp_path / 'own.db'}", tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def either_work(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with open_context(database_url, tmp_path / "home", clock) as opened:
        yield opened


def seconds_of(context: Context) -> list[int]:
    """Which rows are stored, by the second of their time."""
    start = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    rows = contents(context.store, "gps_points")["gps_points"]
    return [round((row["recorded_at"] - start).total_seconds()) for row in rows]


def gaps_of(context: Context, source: str) -> tuple[gaps.Gap, ...]:
    with context.store.read() as connection:
        return read_progress(connection, source).gaps


steps = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.sampled_from(["commit", "rollback"]), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("follow"), st.just(0), st.integers(1, 4)),
        st.tuples(st.just("delete"), st.just(0), st.integers(1, 10)),
        st.tuples(st.just("wait"), st.just(0), st.sampled_from([30, ALL_SETTLED_S])),
    ),
    max_size=25,
)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps, st.integers(1, 3))
def test_every_row_arrives_exactly_once_however_late_it_is_committed(
    foreign: Foreign,
    context: Context,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    plan,
    per_look,
) -> None:
    """Four programs write at once; ids are handed out in one order and committed in another."""
    monkeypatch.setattr(gaps, "GAPS_PER_LOOK", per_look)
    foreign.reset()
    empty(context.store)
    followed = FollowedSource(foreign.url)
    open_now: dict[int, tuple[psycopg.Connection, list[int]]] = {}
    arrived = 0
    committed: set[int] = set()
    for what, writer, number in plan:
        if what == "insert":
            if writer not in open_now:
                open_now[writer] = (foreign.begin(), [])
            connection, rows = open_now[writer]
            rows += foreign.insert(connection, number)
        elif what in ("commit", "rollback") and writer in open_now:
            connection, rows = open_now.pop(writer)
            getattr(connection, what)()
            connection.close()
            committed |= set(rows) if what == "commit" else set()
        elif what == "delete":
            # what was read before it was deleted stays; nobody can read what is gone
            second = foreign.delete(number)
            if second not in seconds_of(context):
                committed.discard(second)
        elif what == "follow":
            arrived += follow(context, followed, rows_per_look=number).accepted.added
        elif what == "wait":
            clock.advance(number)
    for connection, rows in open_now.values():
        connection.commit()
        connection.close()
        committed |= set(rows)
    # twice: what is in a dense gap arrives when that is settled
    for _ in range(2):
        follow(context, followed, rows_per_look=3)
        clock.advance(ALL_SETTLED_S)
    last = follow(context, followed)
    assert seconds_of(context) == sorted(committed)
    assert gaps_of(context, last.source) == ()
    again = follow(context, followed)
    assert (again.rows, again.accepted.added) == (0, 0)


def test_a_late_commit_arrives_with_the_next_pass(
    foreign: Foreign, markers: FollowedSource, either_work: Context
) -> None:
    slow = foreign.begin()
    late = foreign.insert(slow)
    early = foreign.add(2)
    assert follow(either_work, markers).accepted.added == 2
    slow.commit()
    slow.close()
    report = follow(either_work, markers)
    assert (report.rows, report.late, report.accepted.added) == (1, 1, 1)
    assert seconds_of(either_work) == sorted(late + early)


def test_an_open_transaction_is_waited_for_however_long_it_takes(
    foreign: Foreign, markers: FollowedSource, context: Context, clock: Clock
) -> None:
    slow = foreign.begin()
    late = foreign.insert(slow)
    foreign.add()
    for _ in range(3):
        assert follow(context, markers).watched > 0
        clock.advance(10 * gaps.SETTLE_S)
    slow.commit()
    slow.close()
    assert follow(context, markers).accepted.added == 1
    assert late[0] in seconds_of(context)


def test_what_happens_during_a_look_is_for_the_next_one(
    foreign: Foreign,
    markers: FollowedSource,
    context: Context,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a gap would be noticed with a list of transactions in which its own is missing."""
    slow = foreign.begin()
    asked = FollowedTable._transactions
    late: list[int] = []

    def ask_and_write(table: FollowedTable, connection: sa.Connection) -> tuple[int, int]:
        answer = asked(table, connection)
        if not late:
            late.extend(foreign.insert(slow))
            foreign.add()
        return answer

    foreign.add()
    monkeypatch.setattr(FollowedTable, "_transactions", ask_and_write)
    assert follow(context, markers).accepted.added == 1
    for _ in range(3):
        clock.advance(ALL_SETTLED_S)
        follow(context, markers)
    slow.commit()
    slow.close()
    assert follow(context, markers).accepted.added == 1
    assert late[0] in seconds_of(context)


def test_what_was_rolled_back_is_given_up(
    foreign: Foreign, markers: FollowedSource, context: Context, clock: Clock
) -> None:
    with foreign.begin() as connection:
        foreign.insert(connection, 3)
        connection.rollback()
    foreign.add()
    assert follow(context, markers).watched > 0
    clock.advance(ALL_SETTLED_S)
    assert follow(context, markers).watched == 0


def test_a_table_full_of_holes_is_read_and_its_late_rows_too(
    foreign: Foreign, markers: FollowedSource, context: Context, clock: Clock
) -> None:
    slow = foreign.begin()
    late = foreign.insert(slow)
    rows = foreign.add(500)
    foreign.query("DELETE FROM markers WHERE id %% 2 = 0")
    report = follow(context, markers, rows_per_look=300)
    assert (report.accepted.added, report.watched) == (250, 1)
    slow.commit()
    slow.close()
    assert follow(context, markers).rows == 0
    clock.advance(ALL_SETTLED_S)
    report = follow(context, markers, rows_per_look=100)
    assert (report.accepted.added, report.accepted.repeated, report.watched) == (1, 249, 0)
    assert seconds_of(context) == sorted([*rows[1::2], *late])


def test_two_followers_at_once_are_one(
    foreign: Foreign, markers: FollowedSource, either_work: Context
) -> None:
    foreign.add(60)
    reports = []

    def pass_() -> None:
        reports.append(follow(either_work, markers, rows_per_look=7))

    threads = [threading.Thread(target=pass_) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 3
    assert sum(report.accepted.added for report in reports) == 60
    assert len(seconds_of(either_work)) == 60


def test_a_pass_that_dies_is_repeated(
    foreign: Foreign, markers: FollowedSource, either_work: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far the table was read is stored with its rows, or not at all."""
    foreign.add(3)

    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(acceptance, "accept", fail)
        with pytest.raises(RuntimeError):
            follow(either_work, markers)
    assert follow(either_work, markers).accepted.added == 3


def test_bad_rows_are_refused_by_their_id_and_their_neighbours_are_not(
    foreign: Foreign, markers: FollowedSource, context: Context
) -> None:
    good = ("van", [24.9, 60.1, 12.5], "2026-03-02T12:00:00.123456+02")
    for username, coords, created_at in (
        good,
        ("van", None, good[2]),
        ("van", [24.9], good[2]),
        ("van", [24.9, 95.0], good[2]),
        ("van", [24.9, float("nan")], good[2]),
        ("van", [24.9, 60.1], None),
        ("van", [24.9, 60.1], "infinity"),
        ("van", [24.9, 60.1], "0044-03-15 12:00:00 BC"),
        (None, [24.9, 60.1], good[2]),
        ("v\x1bn", [24.9, 60.1], good[2]),
    ):
        foreign.query(
            "INSERT INTO markers (username, coords, created_at) VALUES (%s, %s, %s)",
            username, coords, created_at,
        )  # fmt: skip
    report = follow(context, markers)
    assert report.reasons == {
        "no_position": 2, "out_of_range": 1, "not_a_number": 1, "no_time": 1, "bad_time": 2,
        "no_device": 1, "bad_device": 1,
    }  # fmt: skip
    (row,) = contents(context.store, "gps_points")["gps_points"]
    assert row["recorded_at"] == dt.datetime(2026, 3, 2, 10, 0, 0, 123456, dt.UTC)
    assert (row["longitude"], row["latitude"], row["altitude_m"]) == (24.9, 60.1, 12.5)
    sources = {row["source"] for row in _quarantine(context)}
    assert f"{report.source}: 2" in sources
    assert PASSWORD not in str(sources) + str(report)


def _quarantine(context: Context) -> list[dict[str, object]]:
    with context.store.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM quarantined_points").mappings()
        return [dict(row) for row in rows]


@pytest.mark.parametrize(
    ("coords", "value"),
    [("jsonb", "[24.9, 60.1]"), ("text", "[24.9, 60.1]"), ("numeric[]", "{24.9,60.1}")],
)
@pytest.mark.parametrize(
    ("time", "when"),
    [("timestamp", "2026-03-02 12:00"), ("bigint", "1772452800"), ("text", "2026-03-02T12:00:00Z")],
)
def test_columns_may_have_other_types(
    foreign: Foreign, context: Context, coords: str, value: str, time: str, when: str
) -> None:
    """And the table another name, with capitals, and a schema."""
    foreign.query('DROP TABLE IF EXISTS other."Fixes"')
    foreign.query(
        f'CREATE TABLE other."Fixes" (id int, username varchar, coords {coords}, created_at {time})'
    )
    foreign.query("GRANT USAGE ON SCHEMA other TO reader")
    foreign.query('GRANT SELECT ON other."Fixes" TO reader')
    foreign.query('INSERT INTO other."Fixes" VALUES (-5, %s, %s, %s)', "van", value, when)
    followed = FollowedSource(foreign.url, "other.Fixes")
    assert follow(context, followed).accepted.added == 1
    (row,) = contents(context.store, "gps_points")["gps_points"]
    assert row["recorded_at"] == dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    assert (row["longitude"], row["latitude"]) == (24.9, 60.1)


@pytest.fixture
def sqlite_table(tmp_path: Path) -> Path:
    path = tmp_path / "their db#1.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE markers (id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT, "
            "coords TEXT, created_at TEXT)"
        )
    connection.close()
    return path


def _fill(path: Path, seconds: range) -> None:
    rows = [("van", "[60.1, 24.9]", f"2026-03-02 00:00:{second:02}") for second in seconds]
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(
            "INSERT INTO markers (username, coords, created_at) VALUES (?, ?, ?)", rows
        )
    connection.close()


def test_a_table_in_sqlite_is_followed_and_stays_as_it_is(
    sqlite_table: Path, either_work: Context
) -> None:
    _fill(sqlite_table, range(20))
    followed = FollowedSource(f"sqlite:///{sqlite_table}", order="latlon")
    before = hashlib.sha256(sqlite_table.read_bytes()).hexdigest()
    assert follow(either_work, followed, rows_per_look=7).accepted.added == 20
    assert hashlib.sha256(sqlite_table.read_bytes()).hexdigest() == before
    assert [p.name for p in sqlite_table.parent.glob("their*")] == [sqlite_table.name]
    row = contents(either_work.store, "gps_points")["gps_points"][0]
    assert (row["longitude"], row["latitude"]) == (24.9, 60.1)
    _fill(sqlite_table, range(20, 22))
    assert follow(either_work, followed).rows == 2
    assert seconds_of(either_work) == list(range(22))


def test_a_table_that_is_not_there_is_one_clear_line(
    foreign: Foreign, markers: FollowedSource, context: Context, sqlite_table: Path
) -> None:
    for url, table in ((foreign.url, "nothing"), (f"sqlite:///{sqlite_table}", "nothing; --")):
        with pytest.raises(SettingsError, match="nothing") as caught:
            follow(context, FollowedSource(url, table))
        assert "\n" not in str(caught.value)
        assert PASSWORD not in str(caught.value)
    foreign.query("REVOKE SELECT ON markers FROM reader")
    with pytest.raises(SettingsError, match="permission denied"):
        follow(context, markers)


@pytest.mark.parametrize(
    "url", [f"postgresql://me:{PASSWORD}@127.0.0.1:9/theirs", "sqlite:////nowhere/theirs.db"]
)
def test_a_database_that_is_away_may_come_back(context: Context, url: str) -> None:
    with pytest.raises(RetryableError, match="theirs") as caught:
        follow(context, FollowedSource(url))
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "TRACKFLOW_FOLLOW_URL"),
        ({"TRACKFLOW_FOLLOW_URL": "mysql://a/b"}, "use postgresql"),
        ({"TRACKFLOW_FOLLOW_URL": "::"}, "not a database URL"),
        ({"TRACKFLOW_FOLLOW_URL": "sqlite://"}, "and a file"),
        ({"TRACKFLOW_FOLLOW_URL": "sqlite:///a", "TRACKFLOW_FOLLOW_ORDER": "xy"}, "lonlat, latlon"),
    ],
)
def test_settings_that_make_no_sense(
    context: Context, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], words: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=words):
        follow(context)


def test_the_command_reads_what_the_environment_names(
    sqlite_table: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    from trackflow.cli import main

    monkeypatch.setenv("TRACKFLOW_FOLLOW_URL", f"sqlite:///{sqlite_table}")
    monkeypatch.setenv("TRACKFLOW_FOLLOW_ORDER", "latlon")
    _fill(sqlite_table, range(3))
    main.app(["follow"], standalone_mode=False)
    assert "3 rows read, 3 points added" in capfd.readouterr().out
    main.app(["follow", "--json"], standalone_mode=False)
    told = json.loads(capfd.readouterr().out)
    assert (told["rows"], told["last_id"], told["accepted"]["added"]) == (0, 3, 0)
    assert following.ROWS_PER_LOOK >= 3
