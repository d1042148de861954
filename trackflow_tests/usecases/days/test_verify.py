"""`verify` finds whatever is not as one pass over all points would make it."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.store.tables import day_ledgers, processing_batches, segments, tracks
from trackflow.usecases.days.run import RunMode, run
from trackflow.usecases.days.verify import VerifyReport, verify
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.helpers.town import Town

NIGHT = dt.datetime.combine(NOON.date(), dt.time(23, 30), dt.UTC)


@pytest.fixture
def context(database_url: str, tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    """A drive over midnight and one at noon, all of it worked on."""

    def make() -> None:
        for start in (NOON, NIGHT):
            deliver(context.store, batch_of_device("a", drive(start, 400)))
        run(context)

    with open_context(database_url, tmp_path) as context:
        made_once.bring(context.store, make)
        yield context


def checked(context: Context) -> VerifyReport:
    report = verify(context)
    assert report.ok == (not report.differences)
    return report


def test_a_store_that_was_worked_on_is_found_identical(context: Context) -> None:
    report = checked(context)
    assert report.ok
    assert (report.devices, report.points, report.segments, report.tracks) == (1, 800, 3, 2)
    assert "They are identical." in list(report.lines())


DAMAGE = {
    "a segment's length": "UPDATE segments SET distance_mm = distance_mm + 1 WHERE link_mm > 0",
    "a segment's reason": "UPDATE segments SET ended = 'stop' WHERE ended = 'midnight'",
    "a segment's count": "UPDATE segments SET point_count = 3",
    "a segment's hash": "UPDATE segments SET content_hash = 'x' WHERE link_mm > 0",
    "a segment's points": "UPDATE segments SET points = (SELECT points FROM segments WHERE"
    " link_mm > 0)",
    "damaged points": "UPDATE segments SET points = CAST('tp' AS {bytes})",
    "a missing segment": "DELETE FROM segments WHERE link_mm > 0",
    "a ledger": "UPDATE day_ledgers SET track = track - 1, stop = stop + 1",
    "a missing ledger": "DELETE FROM day_ledgers",
    "a track's length": "UPDATE tracks SET distance_m = distance_m + 0.001",
    "a track's line": "UPDATE tracks SET matched_polyline = raw_polyline || '??'",
    "a track's share": "UPDATE tracks SET matched_share = 0.5",
    "a track's hash": "UPDATE tracks SET content_hash = 'x'",
    "a missing track": "DELETE FROM tracks WHERE segment_count = 2",
}


# comparing and repairing are the same on both databases; PostgreSQL gets one damage of each table
@pytest.mark.parametrize(
    ("what", "database_url"),
    [
        *((what, "sqlite") for what in DAMAGE),
        *((what, "postgresql") for what in ("damaged points", "a ledger", "a missing track")),
    ],
    indirect=["database_url"],
)
def test_damage_is_found_and_a_bulk_run_repairs_it(context: Context, what: str) -> None:
    before = contents(context.store)
    blob = "bytea" if context.store.is_postgresql else "blob"
    with context.store.write() as connection:
        changed = connection.exec_driver_sql(DAMAGE[what].format(bytes=blob))
        assert changed.rowcount
    report = checked(context)
    assert not report.ok
    assert any("differ" in line for line in report.lines())
    assert not run(context, mode=RunMode.BULK).problems
    assert checked(context).ok
    assert contents(context.store) == before


def _copied(context: Context, table: sa.Table, **other: object) -> None:
    with context.store.write() as connection:
        row = dict(connection.execute(sa.select(table)).mappings().first() or {})
        connection.execute(sa.insert(table).values(row | other))


@pytest.mark.parametrize("table", [segments, day_ledgers])
def test_what_is_stored_for_a_day_without_points_is_found(
    context: Context, table: sa.Table
) -> None:
    _copied(context, table, day=NOON.date() + dt.timedelta(days=30))
    assert not checked(context).ok


def test_a_track_too_many_is_found(context: Context) -> None:
    _copied(
        context,
        tracks,
        track_id=uuid.uuid4(),
        start_time=NOON + dt.timedelta(days=30),
    )
    report = checked(context)
    assert any("should not be there" in line for line in report.lines())


def test_what_waits_is_told_apart_from_what_is_wrong(context: Context) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON + dt.timedelta(hours=3), 50)))
    report = verify(context)
    assert report.unfinished == 1
    assert not report.ok
    assert any("run `trackflow run` first" in line for line in report.lines())


def test_a_batch_that_went_missing_is_found(context: Context) -> None:
    deliver(context.store, batch_of_device("b", drive(NOON, 50)))
    with context.store.write() as connection:
        b = processing_batches
        connection.execute(sa.delete(b).where(b.c.device_id == "b"))
    assert not checked(context).ok


def test_an_unknown_device_is_an_error(context: Context) -> None:
    with pytest.raises(SettingsError, match="no device 'b'; there are a"):
        verify(context, device_id="b")


@pytest.fixture
def matched(tmp_path: Path, town: Town) -> Iterator[Context]:
    """Some drives in central Helsinki, matched to its roads."""
    with open_context("", tmp_path, engine_url="") as context:
        town.open(context)
        for start in (NOON, NIGHT):
            deliver(context.store, batch_of_device("a", drive(start, 200, lon=24.93, lat=60.1685)))
        assert not run(context).problems
        yield context


WINDOW_DAMAGE = {
    "a line": "UPDATE cached_polylines SET encoded_polyline = '??'",
    "a line's share": "UPDATE cached_polylines SET matched_share = 0.123",
    "a window's hash": "UPDATE cached_polylines SET input_hash = 'x' || input_hash",
    "a stored match": "UPDATE cached_polylines SET match = CAST('[]' AS blob)",
    "a missing window": "DELETE FROM cached_polylines WHERE start_time ="
    " (SELECT max(start_time) FROM cached_polylines)",
}


@pytest.mark.slow
def test_changed_windows_are_found(matched: Context) -> None:
    report = checked(matched)
    assert report.ok, list(report.lines())
    assert report.windows > 10
    for statement in WINDOW_DAMAGE.values():
        with matched.store.write() as connection:
            before = connection.exec_driver_sql("SELECT * FROM cached_polylines").fetchall()
            connection.exec_driver_sql(statement)
        assert not checked(matched).ok, statement
        with matched.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM cached_polylines")
            marks = ",".join("?" * len(before[0]))
            connection.exec_driver_sql(
                f"INSERT INTO cached_polylines VALUES ({marks})", [tuple(row) for row in before]
            )
        assert checked(matched).ok
