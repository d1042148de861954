"""A history that is imported is open first: nobody could have looked at it before."""

import datetime as dt
import random
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.exports.mileage.csv import entries_csv
from trackflow.geo.time import ONE_DAY
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.devices.renaming import rename
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
    part_of,
)

WEEK = 7 * ONE_DAY
TODAY = NOON + 300 * ONE_DAY


def import_days(context: Context, *days: int, device: str = "van") -> None:
    """Drives of some days, by their distance from a day of March."""
    for day in days:
        deliver(context.store, batch_of_device(device, drive(NOON + day * ONE_DAY, 100)))
    settle(context)


def settle(context: Context, *, everything: bool = False) -> None:
    run(context)
    assert not follow_tracks(context, everything=everything).errors


def status_by_day(context: Context, vehicle: str = "V") -> dict[int, str]:
    return {
        (one.start_time - NOON).days: one.status
        for one in list_entries(context, vehicle_id=vehicle)
    }


def closing_times(context: Context) -> list[tuple[dt.datetime, dt.datetime]]:
    return [(one.start_time, one.entry.closes_at) for one in list_entries(context)]


def test_what_is_imported_is_open_for_a_week_whenever_it_was_driven(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock(TODAY)
    with open_context(database_url, tmp_path, clock) as context:
        fleet.save_vehicle(context, "V")
        import_days(context, -700, -400, 290)
        fleet.put_device(context, "V", "van")
        follow_tracks(context)
        assert [closes for _, closes in closing_times(context)] == [TODAY + WEEK] * 3
        clock.time += 3 * ONE_DAY
        assert close_due(context).closed == 0
        import_days(context, -500)
        clock.time = TODAY + WEEK
        assert close_due(context).closed == 3
        closed, opened = "closed", "open"
        assert status_by_day(context) == {-700: closed, -500: opened, -400: closed, 290: closed}

        # what comes later beside closed trips is an amendment; before them nothing is closed yet
        import_days(context, -399, -600)
        expected = {-700: closed, -600: opened, -500: opened, -400: closed, -399: "added"}
        assert status_by_day(context) == {**expected, 290: closed}
        clock.time += WEEK
        assert close_due(context).closed == 2
        (before,) = month_reports(context, f"{NOON - 600 * ONE_DAY:%Y-%m}")
        import_days(context, -601)
        assert status_by_day(context)[-601] == "added"
        (after,) = month_reports(context, f"{NOON - 600 * ONE_DAY:%Y-%m}")
        assert entries_csv(after) == entries_csv(before)
        import_days(context, -900)
        assert status_by_day(context)[-900] == opened, "older than all that is closed"
        assert all(one.is_intact for one in verify_books(context))


def test_a_device_that_is_put_into_a_vehicle_brings_an_open_history(
    database_url: str, tmp_path: Path
) -> None:
    """Also one whose history the book of another vehicle has seen long ago."""
    clock = Clock(TODAY)
    with open_context(database_url, tmp_path, clock) as context:

        def move(away: str, into: str) -> None:
            fleet.undo_device(context, away, "van")
            fleet.put_device(context, into, "van")

        fleet.save_vehicle(context, "V")
        fleet.save_vehicle(context, "W")
        import_days(context, 280, 299)
        fleet.put_device(context, "V", "van")
        follow_tracks(context)
        clock.time += 5 * ONE_DAY
        move("V", "W")
        follow_tracks(context)
        moved = closing_times(context)
        assert [closes for _, closes in moved] == [clock.time + WEEK] * 2
        clock.time += ONE_DAY
        move("W", "V")
        follow_tracks(context)
        assert [closes for _, closes in closing_times(context)] == [TODAY + WEEK] * 2
        clock.time += ONE_DAY
        move("V", "W")
        follow_tracks(context)
        assert closing_times(context) == moved, "to and fro gives no more time"
        assert contents(context.store, "logbook_sightings")["logbook_sightings"]
        purge(context, "van")
        assert contents(context.store, "logbook_sightings")["logbook_sightings"] == []


class CutOffError(Exception):
    """Stands for the end of a process in the middle of its work."""


def test_a_book_knows_a_trip_and_since_when_or_neither(database_url: str, tmp_path: Path) -> None:
    """However it was cut off, what it shows is open for the whole time."""
    clock = Clock(TODAY)
    with open_context(database_url, tmp_path, clock) as context:
        fleet.save_vehicle(context, "V")
        import_days(context, -400, 290)
        fleet.put_device(context, "V", "van")
        for verb in ("INSERT INTO logbook_entries", "INSERT INTO logbook_sightings"):

            def cut_off(*statement: Any, verb: str = verb) -> None:
                if statement[2].startswith(verb):
                    raise CutOffError

            sa.event.listen(context.store.engine, "after_cursor_execute", cut_off)
            with suppress(CutOffError):
                follow_tracks(context)
            sa.event.remove(context.store.engine, "after_cursor_execute", cut_off)
            clock.time += 8 * ONE_DAY
        assert list_entries(context) == []
        assert close_due(context).closed == 0
        follow_tracks(context)
        assert [closes for _, closes in closing_times(context)] == [clock.time + WEEK] * 2


LENGTH = 240
PARTS = {"all": slice(0, LENGTH), "first": slice(0, 80), "last": slice(160, LENGTH)}
arrivals = st.lists(
    st.tuples(st.integers(-3, 3), st.sampled_from(sorted(PARTS))), min_size=2, max_size=5
)


@settings(max_examples=5, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(arrivals, st.randoms(use_true_random=False))
def test_when_a_trip_closes_does_not_depend_on_the_order_of_work(
    wanted: list[tuple[int, str]], chance: random.Random
) -> None:
    """Nor does recomputing, renaming or cutting it anew give more time."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_context("", Path(folder) / "a", Clock(TODAY)) as once,
        open_context("", Path(folder) / "b", clock := Clock(TODAY)) as other,
    ):
        shuffled = chance.sample(wanted, len(wanted))
        for context, parts in ((once, wanted), (other, shuffled)):
            fleet.save_vehicle(context, "V")
            for day, part in parts:
                whole = batch_of_device("van", drive(NOON + day * ONE_DAY, LENGTH))
                deliver(context.store, part_of(whole, PARTS[part]))
                fleet.put_device(context, "V", "van")
                if context is other:
                    settle(context)
        settle(once)
        assert closing_times(other) == closing_times(once)
        first = closing_times(once)
        clock.time += 2 * ONE_DAY
        rename(other, "van", "lorry")
        settle(other, everything=True)
        assert closing_times(other) == first
        change_settings(other, "lorry", overrides={"gap_s": 60.0})
        settle(other)
        change_settings(other, "lorry", overrides={"gap_s": None})
        settle(other, everything=True)
        assert {closes for _, closes in closing_times(other)} == {TODAY + WEEK}
