"""Notices from a store: only odd days are read, and all surfaces are told the same."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.sources.records import Refusal, RefusalReason
from trackflow.store.days import noticing
from trackflow.store.days.segments import replace_ledger
from trackflow.store.intake import points
from trackflow.store.tables import metadata
from trackflow.tracks.notices import NoticeKind, odd_classes
from trackflow.tracks.rollovers import ROLLOVER
from trackflow.tracks.segments import Ledger
from trackflow.usecases.days.notices import GUESS_POINTS, notices_by_day, read_guesses, read_notices
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.settings import read_settings
from trackflow.usecases.housekeeping.status import read_status
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    empty,
    open_context,
)
from trackflow_tests.tracks.test_notices import ledgers

keys = st.tuples(st.sampled_from(["a", "b"]), st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 9)))


def test_exactly_the_odd_days_are_read(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:

        @settings(
            max_examples=25,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        @given(st.dictionaries(keys, ledgers(), max_size=8))
        def check(found: dict[tuple[str, dt.date], Ledger]) -> None:
            empty(context.store)
            with context.store.write() as connection:
                for (device_id, day), ledger in found.items():
                    replace_ledger(connection, device_id, day, ledger)
            with context.store.read() as connection:
                read = noticing.odd_ledgers(connection, None, None, None)
            flat = {(k, day): one for k, of in read.items() for day, one in of.items()}
            assert flat == {key: one for key, one in found.items() if odd_classes(one)}

        check()


def wild(device_id: str, start: dt.datetime, count: int = 40) -> Any:
    """A device that claims to be all over the Earth, never twice at one place."""
    random = np.random.default_rng(2)
    time_us = to_us(start) + np.arange(count) * 400_000_000
    lon, lat = random.uniform(-170, 170, count), random.uniform(-60, 60, count)
    return batch_of_device(device_id, Points.of(time_us, lon, lat))


def test_all_are_told_and_in_one_order(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, wild("wild", NOON))
        deliver(context.store, batch_of_device("good", drive(NOON, 300)))
        deliver(context.store, batch_of_device("old", drive(NOON - ROLLOVER, 60)))
        deliver(context.store, batch_of_device("old", drive(NOON + dt.timedelta(days=2), 60)))
        refused = [Refusal(RefusalReason.OUT_OF_RANGE, f"{k}", "x.csv", "gone") for k in range(30)]
        deliver(context.store, batch_of_device("good", drive(NOON, 1)), refused)
        assert {n.kind for n in read_notices(context)} == {NoticeKind.QUARANTINED}, (
            "no day is worked on yet"
        )
        run(context)
        found = read_notices(context)
        told = {notice.device_id: notice for notice in found}
        assert {k: n.kind for k, n in told.items()} == {
            "wild": NoticeKind.LONE,
            "old": NoticeKind.ROLLOVER,
            "gone": NoticeKind.QUARANTINED,
        }
        assert [n.points for n in found] == sorted((n.points for n in found), reverse=True)
        assert "too fast" in told["wild"].text
        assert told["wild"].points + 1 >= told["wild"].of_points / 2
        assert read_status(context).notices == found
        for device_id in ("wild", "old"):
            assert read_settings(context, device_id).notices == [told[device_id]]
        assert read_settings(context, "good").notices == []
        day = NOON.date()
        assert [n.device_id for n in read_notices(context, None, day, day)] == ["wild"]
        assert [n.device_id for n in notices_by_day(context, day, day)[day]] == ["wild"]
        early = (NOON - ROLLOVER).date()
        assert [n.kind for n in read_notices(context, None, early, early)] == [NoticeKind.ROLLOVER]
        assert read_notices(context, ("good",)) == []


def test_times_that_came_in_1024_weeks_late_are_named_without_others(tmp_path: Path) -> None:
    """A device that reports live, and whose week count began anew, has wrong times only."""
    clock = Clock(NOON + dt.timedelta(hours=1))
    with open_context("", tmp_path, clock) as context:
        deliver(context.store, batch_of_device("live", drive(NOON - ROLLOVER, 60)))
        diary = drive(NOON - dt.timedelta(days=7_000), 60)
        deliver(context.store, batch_of_device("diary", diary))
        run(context)
        (notice,) = read_notices(context)
        assert (notice.device_id, notice.kind) == ("live", NoticeKind.ROLLOVER)


def test_what_retention_refuses_is_no_news(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        with context.store.write() as connection:
            kept = sa.update(metadata.tables["devices"])
            connection.execute(kept.values(kept_from=NOON.date()))
        deliver(context.store, batch_of_device("a", drive(NOON - dt.timedelta(days=4), 200)))
        run(context)
        assert read_notices(context) == []


def test_a_device_whose_thresholds_make_no_sense_is_told_of_all_the_same(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        deliver(context.store, wild("wild", NOON))
        run(context)
        with context.store.write() as connection:
            changed = sa.update(metadata.tables["devices"])
            connection.execute(changed.values(thresholds={"gap_s": -1}))
        assert [n.kind for n in read_notices(context)] == [NoticeKind.LONE]


@pytest.mark.parametrize("count", [0, 1, 5, 30])
@pytest.mark.parametrize("most", [1, 5, 29, 30, 100])
def test_the_newest_points(database_url: str, tmp_path: Path, count: int, most: int) -> None:
    with open_context(database_url, tmp_path) as context:
        whole = drive(NOON, count)
        deliver(context.store, batch_of_device("a", whole))
        deliver(context.store, batch_of_device("b", drive(NOON, 200)))
        with context.store.read() as connection:
            found = points.newest_points(connection, "a", most)
        assert found == whole[max(count - most, 0) :]


def test_guesses_are_about_devices_without_a_preset(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        for name in ("a", "b", "c"):
            deliver(context.store, batch_of_device(name, drive(NOON, 300)))
        deliver(context.store, batch_of_device("few", drive(NOON, 5)))
        with context.store.write() as connection:
            table = metadata.tables["devices"]
            connection.execute(
                sa.update(table).where(table.c.device_id == "b").values(preset="asset")
            )
        assert [one.device_id for one in read_guesses(context)] == ["a", "c"]
        assert [one.device_id for one in read_guesses(context, most=1)] == ["a"]
        assert GUESS_POINTS > 3600, "an hour at one a second"
