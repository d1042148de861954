"""Retention by months: on PostgreSQL whole partitions go, with the same result as deleting rows."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.time import midnight
from trackflow.store import months
from trackflow.store.tables import gps_points
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.housekeeping import retention
from trackflow.usecases.housekeeping.retention import apply_retention
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
    statuses,
)

AGE = 30
JANUARY, FEBRUARY, MARCH = (dt.datetime(2026, m, 10, 12, tzinfo=dt.UTC) for m in (1, 2, 3))
POINTS = 60
NOW = midnight(dt.date(2026, 4, 20))
"""March 21 is the first day that is kept, so March is not over."""

LATE = dt.datetime(2026, 4, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def context(database_url: str, tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    def make() -> None:
        for name in "ab":
            for start in (JANUARY, FEBRUARY, MARCH, LATE):
                deliver(found.store, batch_of_device(name, drive(start, POINTS)))
        assert not run(found).problems

    with open_context(database_url, tmp_path, Clock(NOW), retention_days=AGE) as found:
        made_once.bring(found.store, make)
        yield found


def approve(context: Context) -> retention.RetentionReport:
    return apply_retention(context, approve=NOW.date())


def on_postgresql(context: Context) -> bool:
    return context.store.is_postgresql


def month_names(context: Context) -> set[str]:
    with context.store.read() as connection:
        return {part.name for part in months.partitions(connection, gps_points)}


def points(context: Context) -> set[dt.date]:
    return {
        row["recorded_at"].date() for row in contents(context.store, "gps_points")["gps_points"]
    }


def test_rows_of_dropped_months_are_counted_as_deleted(context: Context) -> None:
    report = approve(context)
    assert report.rows["gps_points"] == 2 * 3 * POINTS
    # other tests have left empty months in the database
    assert report.months_dropped >= 2 if on_postgresql(context) else not report.months_dropped
    assert report.months_left == 0
    assert points(context) == {LATE.date()}
    assert not {"gps_points_2026_01", "gps_points_2026_02"} & month_names(context)
    assert verify(context).ok
    again = approve(context)
    assert sum(again.rows.values()) == again.months_dropped == 0


def test_an_old_month_that_is_allowed_again_is_made_again(context: Context) -> None:
    approve(context)
    lenient = Context(context.settings.__class__(
        home=context.settings.home, database_url=context.settings.database_url,
        engine_url="none", workers=1), context.store, context.clock)  # fmt: skip
    retention.lift_retention(lenient)
    deliver(context.store, batch_of_device("a", drive(JANUARY, POINTS)))
    assert points(context) == {JANUARY.date(), LATE.date()}


def test_the_next_run_drops_what_an_interrupted_one_left(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_drop_month", killed)
        if on_postgresql(context):
            with pytest.raises(KeyboardInterrupt):
                approve(context)
            assert JANUARY.date() in points(context)
    approve(context)
    assert points(context) == {LATE.date()}
    assert {day for _, day in statuses(context.store)} == {LATE.date()}


def test_a_late_point_keeps_its_month(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """It arrives after its device was looked at, and before its month is dropped."""
    if not on_postgresql(context):
        pytest.skip("a month is a partition on PostgreSQL only")
    drop = retention._drop_month

    def late(*given: object) -> None:
        deliver(context.store, batch_of_device("new", drive(JANUARY, 1)))
        drop(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(retention, "_drop_month", late)
        report = approve(context)
    assert report.months_left
    assert ("new", JANUARY.date()) in statuses(context.store)
    with context.store.read() as connection:
        mine = sa.select(sa.func.count()).where(gps_points.c.device_id == "new")
        assert connection.scalar(mine) == 1
    approve(context)
    assert points(context) == {LATE.date()}


def test_a_month_that_is_being_read_waits_for_the_next_run(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not on_postgresql(context):
        pytest.skip("a month is a partition on PostgreSQL only")
    monkeypatch.setattr(months, "LOCK_WAIT", "SET LOCAL lock_timeout = '50ms'")
    with context.store.read() as export:
        assert export.scalar(sa.select(sa.func.count()).select_from(gps_points))
        assert approve(context).months_left
    assert approve(context).months_left == 0
    assert points(context) == {LATE.date()}
