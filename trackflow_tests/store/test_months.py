"""Months of points and lines on PostgreSQL: made when needed, read alone, dropped whole."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.sources.records import EARLIEST_US
from trackflow.store import months
from trackflow.store.tables import cached_polylines, gps_points
from trackflow.usecases.days.run import run
from trackflow.usecases.housekeeping.months import make_months_ahead
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of,
    batch_of_device,
    contents,
    deliver,
    drive,
    empty,
    open_context,
)

TABLES = st.sampled_from(months.PARTITIONED)
FIRST, LAST = dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)  # noqa: DTZ001  for hypothesis


@pytest.fixture
def context(postgres_databases: postgres.Databases, tmp_path: Path) -> Iterator[Context]:
    with postgres_databases.lend() as url, open_context(url, tmp_path, Clock()) as found:
        yield found


def names(context: Context, table: sa.Table = gps_points) -> list[str]:
    with context.store.read() as connection:
        return [partition.name for partition in months.partitions(connection, table)]


@given(
    st.dates(dt.date(1990, 1, 1), dt.date(9000, 1, 1)).map(lambda day: day.replace(day=1)),
    st.integers(0, 100),
)
def test_months_follow_each_other(month: dt.date, count: int) -> None:
    later = month
    for _ in range(count):
        later = (later + dt.timedelta(days=31)).replace(day=1)
    assert months.following(month, count) == later


def test_points_of_any_time_are_stored(context: Context) -> None:
    """A wrong clock or an old history is no reason to refuse a point."""

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.datetimes(FIRST, LAST, timezones=st.just(dt.UTC)), min_size=1, unique=True))
    def property_(times: list[dt.datetime]) -> None:
        empty(context.store)
        deliver(context.store, batch_of([("a", to_us(time), 1.0, 1.0) for time in times]))
        stored = [row["recorded_at"] for row in contents(context.store, "gps_points")["gps_points"]]
        assert stored == sorted(times)

    property_()


def test_each_month_is_a_partition_of_its_own(context: Context) -> None:
    edges = [dt.datetime(2026, 3, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=k) for k in (-1, 0)]
    before = set(names(context))
    deliver(context.store, batch_of([("a", to_us(time), 1.0, 1.0) for time in edges]))
    assert {"gps_points_2026_02", "gps_points_2026_03"} <= set(names(context)) | before
    with context.store.read() as connection:
        for month, time in zip(("02", "03"), edges, strict=True):
            query = sa.text(f"SELECT recorded_at FROM gps_points_2026_{month}")
            assert connection.scalars(query).all() == [time]


def test_the_next_months_are_made_ahead(context: Context) -> None:
    context.clock.time = dt.datetime(2061, 11, 15, tzinfo=dt.UTC)  # type: ignore[attr-defined]
    assert make_months_ahead(context) == 4 * len(months.PARTITIONED)
    assert make_months_ahead(context) == 0
    for table in months.PARTITIONED:
        wanted = ["2061_11", "2061_12", "2062_01", "2062_02"]
        assert {f"{table.name}_{month}" for month in wanted} <= set(names(context, table))


def test_deliveries_that_need_the_same_new_month_do_not_fail(context: Context) -> None:
    def store(k: int) -> None:
        time = dt.datetime(2001 + k % 3, 1, 1, tzinfo=dt.UTC)
        deliver(context.store, batch_of([(f"device-{k}", to_us(time), 1.0, 1.0)]))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(store, range(24)))
    assert len(contents(context.store)["gps_points"]) == 24


def test_what_is_rolled_back_leaves_no_month(context: Context) -> None:
    late = batch_of([("a", to_us(dt.datetime(1995, 5, 5, tzinfo=dt.UTC)), 1.0, 1.0)])
    with context.store.rehearsed() as trial:
        deliver(trial, late)
    assert "gps_points_1995_05" not in names(context)
    deliver(context.store, late)
    assert "gps_points_1995_05" in names(context)


def test_readers_wait_for_nobody_who_makes_a_month(context: Context) -> None:
    """Whoever makes a month may import for minutes before the end of his transaction."""
    deliver(context.store, batch_of([("a", to_us(NOON), 1.0, 1.0)]))
    with context.store.write() as making:
        months.make(making, gps_points, [dt.date(1993, 1, 1)])
        with context.store.write() as other:
            other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            assert other.scalar(sa.select(sa.func.count()).select_from(gps_points)) == 1
            deliver_in = batch_of([("b", to_us(NOON), 1.0, 1.0)])
            months.make_for_times(other, gps_points, deliver_in.time_us)


def test_a_day_is_read_from_its_month_alone(context: Context) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 200)))
    run(context)
    with context.store.write() as connection:
        for table in months.PARTITIONED:
            months.make(connection, table, [dt.date(2025, m, 1) for m in range(1, 13)])
            months.make(connection, table, [dt.date(2026, 3, 1)])
    day = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    for table in months.PARTITIONED:
        column = months.column_of(table)
        query = sa.select(table).where(
            table.c.device_id == "a", column >= day, column < day + dt.timedelta(days=1)
        )
        with context.store.read() as connection:
            text = query.compile(connection, compile_kwargs={"literal_binds": True})
            plan = "\n".join(connection.scalars(sa.text(f"EXPLAIN {text}")))
        assert f"{table.name}_2026_03" in plan
        assert "2025" not in plan


def test_a_month_with_anything_that_is_kept_is_not_dropped(context: Context) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 200)))
    for ready in (False, True):
        if ready:
            run(context)
        for table in (gps_points, cached_polylines):
            with context.store.write() as connection:
                march = months.Partition(f"{table.name}_2026_03", NOON.date(), dt.date(2026, 4, 1))
                assert not months.drop(connection, table, march)
    assert len(contents(context.store)["gps_points"]) == 200
    assert to_us(NOON) > EARLIEST_US
