"""`verify` finds whatever is not as one pass over all points would make it."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.errors import SettingsError
from trackflow.pipeline.run import Mode, run
from trackflow.pipeline.verify import VerifyReport, verify
from trackflow.pipeline.work import Work
from trackflow.store.tables import day_ledgers, processing_batches, segments, tracks
from trackflow_tests.pipeline.town import Town
from trackflow_tests.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_work,
)

NIGHT = dt.datetime.combine(NOON.date(), dt.time(23, 30), dt.UTC)


@pytest.fixture
def work(database_url: str, tmp_path: Path) -> Iterator[Work]:
    """A drive over midnight and one at noon, all of it worked on."""
    with open_work(database_url, tmp_path) as work:
        for start in (NOON, NIGHT):
            deliver(work.store, batch_of_device("a", drive(start, 400)))
        run(work)
        yield work


def checked(work: Work) -> VerifyReport:
    report = verify(work)
    assert report.ok == (not report.differences)
    return report


def test_a_store_that_was_worked_on_is_found_identical(work: Work) -> None:
    report = checked(work)
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


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_a_bulk_run_repairs_it(work: Work, what: str) -> None:
    before = contents(work.store)
    blob = "bytea" if work.store.is_postgresql else "blob"
    with work.store.write() as connection:
        changed = connection.exec_driver_sql(DAMAGE[what].format(bytes=blob))
        assert changed.rowcount
    report = checked(work)
    assert not report.ok
    assert any("differ" in line for line in report.lines())
    assert not run(work, mode=Mode.BULK).problems
    assert checked(work).ok
    assert contents(work.store) == before


def _copied(work: Work, table: sa.Table, **other: object) -> None:
    with work.store.write() as connection:
        row = dict(connection.execute(sa.select(table)).mappings().first() or {})
        connection.execute(sa.insert(table).values(row | other))


@pytest.mark.parametrize("table", [segments, day_ledgers])
def test_what_is_stored_for_a_day_without_points_is_found(work: Work, table: sa.Table) -> None:
    _copied(work, table, day=NOON.date() + dt.timedelta(days=30))
    assert not checked(work).ok


def test_a_track_too_many_is_found(work: Work) -> None:
    _copied(
        work,
        tracks,
        track_id=uuid.uuid4(),
        start_time=NOON + dt.timedelta(days=30),
    )
    report = checked(work)
    assert any("should not be there" in line for line in report.lines())


def test_what_waits_is_told_apart_from_what_is_wrong(work: Work) -> None:
    deliver(work.store, batch_of_device("a", drive(NOON + dt.timedelta(hours=3), 50)))
    report = verify(work)
    assert report.unfinished == 1
    assert not report.ok
    assert any("run `trackflow run` first" in line for line in report.lines())


def test_a_batch_that_went_missing_is_found(work: Work) -> None:
    deliver(work.store, batch_of_device("b", drive(NOON, 50)))
    with work.store.write() as connection:
        b = processing_batches
        connection.execute(sa.delete(b).where(b.c.device_id == "b"))
    assert not checked(work).ok


def test_an_unknown_device_is_an_error(work: Work) -> None:
    with pytest.raises(SettingsError, match="no device 'b'; there are a"):
        verify(work, device_id="b")


@pytest.fixture
def matched(tmp_path: Path, town: Town) -> Iterator[Work]:
    """Some drives in central Helsinki, matched to its roads."""
    with open_work("", tmp_path, engine_url="") as work:
        town.open(work)
        for start in (NOON, NIGHT):
            deliver(work.store, batch_of_device("a", drive(start, 200, lon=24.93, lat=60.1685)))
        assert not run(work).problems
        yield work


WINDOW_DAMAGE = {
    "a line": "UPDATE cached_polylines SET encoded_polyline = '??'",
    "a line's share": "UPDATE cached_polylines SET matched_share = 0.123",
    "a window's hash": "UPDATE cached_polylines SET input_hash = 'x' || input_hash",
    "a stored match": "UPDATE cached_polylines SET match = CAST('[]' AS blob)",
    "a missing window": "DELETE FROM cached_polylines WHERE start_time ="
    " (SELECT max(start_time) FROM cached_polylines)",
}


@pytest.mark.slow
def test_changed_windows_are_found(matched: Work) -> None:
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
