"""Points of 1,024 weeks ago are moved where they belong, and back again; nothing is lost."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.store.devices.shifting import DayRange
from trackflow.store.tables import metadata
from trackflow.tracks.notices import NoticeKind
from trackflow.tracks.rollovers import ROLLOVER
from trackflow.usecases.days.checks import check_ledgers
from trackflow.usecases.days.notices import read_notices
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.devices import shifting
from trackflow.usecases.devices.shifting import WEEK_US, shift_weeks
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    empty,
    open_context,
)

EARLY = NOON - ROLLOVER


def of_time(found: Points, shift_us: int) -> Points:
    return Points.of(found.time_us + shift_us, found.lon, found.lat, found.accuracy_m)


def sources(context: Context) -> list[str]:
    p = metadata.tables["gps_points"].c
    with context.store.read() as connection:
        return list(connection.scalars(sa.select(p.source).order_by(p.recorded_at)))


def chunks_moved(context: Context) -> list[int]:
    """How many points came with each receipt of moved ones."""
    p = metadata.tables["gps_points"].c
    query = sa.select(sa.func.count()).where(p.source.contains("/moved by"))
    with context.store.read() as connection:
        return list(connection.scalars(query.group_by(p.received_seq)))


def made(context: Context) -> dict[str, list[dict[str, Any]]]:
    assert not run(context).problems
    return contents(context.store)


def test_the_days_of_a_notice_are_moved_and_nothing_is_left_to_notice(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(EARLY, 200)), source="old.gpx")
        deliver(context.store, batch_of_device("a", drive(NOON + dt.timedelta(hours=5), 200)))
        deliver(context.store, batch_of_device("b", drive(NOON, 50)))
        before = made(context)
        (notice,) = read_notices(context)
        assert (notice.kind, notice.points, notice.of_points) == (NoticeKind.ROLLOVER, 200, 400)
        assert str(EARLY.date()) in notice.text
        assert "--shift-weeks 1024" in notice.advice
        report = shift_weeks(context, "a", 1024, DayRange())
        assert (report.moved, report.staying) == (200, 0)
        assert report.first == NOON
        after = made(context)
        assert read_notices(context) == []
        assert verify(context).ok
        assert check_ledgers(context, EARLY.date(), NOON.date()).wrong == []
        assert sources(context)[0].startswith("old.gpx/")

        empty(context.store)
        deliver(context.store, batch_of_device("a", drive(NOON, 200)))
        deliver(context.store, batch_of_device("a", drive(NOON + dt.timedelta(hours=5), 200)))
        deliver(context.store, batch_of_device("b", drive(NOON, 50)))
        assert made(context) == after, "as if they had come in with the right times"

        empty(context.store)
        deliver(context.store, batch_of_device("a", drive(EARLY, 200)), source="old.gpx")
        deliver(context.store, batch_of_device("a", drive(NOON + dt.timedelta(hours=5), 200)))
        deliver(context.store, batch_of_device("b", drive(NOON, 50)))
        made(context)
        shift_weeks(context, "a", 1024, DayRange())
        made(context)
        back = shift_weeks(context, "a", -1024, DayRange())
        assert (back.moved, back.taken_back) == (200, True)
        assert made(context) == before
        assert sources(context)[0] == "old.gpx"


histories = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 3), st.sampled_from([0, 1])),
    min_size=1,
    max_size=40,
)


def test_a_shift_and_its_opposite_change_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where new times are taken, in part or by points of the same days, a few at a time."""
    monkeypatch.setattr(shifting, "CHUNK", 3)
    with open_context(database_url, tmp_path) as context:

        @settings(
            max_examples=5 if context.store.is_postgresql else 20,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        @given(histories, st.sampled_from([1, -1, 2]))
        def check(rows: list[tuple[int, int, int]], weeks: int) -> None:
            empty(context.store)
            time_us = [to_us(NOON) + m * 60_000_000 + w * WEEK_US for m, w, _ in rows]
            lon = [24.9 + 0.01 * place for _, _, place in rows]
            whole = Points.of(time_us, lon, np.full(len(rows), 60.17))
            deliver(context.store, batch_of_device("a", whole))
            before = made(context)
            days = DayRange(
                (NOON + dt.timedelta(weeks=1)).date(), (NOON + dt.timedelta(weeks=2)).date()
            )
            there = shift_weeks(context, "a", weeks, days)
            moved = made(context)
            for table in ("gps_points", "quarantined_points"):
                assert len(moved[table]) == len(before[table])
            times = {row["recorded_at"] for row in moved["gps_points"]}
            assert {row["recorded_at"] for row in moved["quarantined_points"]} <= times
            assert sum(row["points"] for row in moved["day_ledgers"]) == sum(
                row["points"] for row in before["day_ledgers"]
            )
            assert verify(context).ok
            assert max(chunks_moved(context), default=0) <= 3
            if there.moved:
                back = shift_weeks(context, "a", -weeks, DayRange())
                assert back.moved == there.moved
            assert made(context) == before

        check()


def test_what_cannot_be_is_refused_and_nothing_moves(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 20)))
        before = made(context)
        day = DayRange(NOON.date(), NOON.date())
        for device, weeks, days, says in (
            ("a", 0, day, "write 1024"),
            ("a", 1024, day, "in the future"),
            ("a", -2_000, day, "before 1990"),
            ("a", 1024, DayRange(), "which days"),
            ("a", -1024, DayRange(), "which days"),
            ("nobody", 1024, day, "no device"),
        ):
            with pytest.raises(SettingsError, match=says):
                shift_weeks(context, device, weeks, days)
        assert shift_weeks(context, "a", 1, DayRange(last=dt.date(2020, 1, 1))).moved == 0
        assert contents(context.store) == before


def test_what_is_not_kept_is_left_alone(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 20)))
        with context.store.write() as connection:
            kept = sa.update(metadata.tables["devices"])
            connection.execute(kept.values(kept_from=NOON.date() - dt.timedelta(days=3)))
        with pytest.raises(SettingsError, match="not kept"):
            shift_weeks(context, "a", -1, DayRange(NOON.date(), NOON.date()))
