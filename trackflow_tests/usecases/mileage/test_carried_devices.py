"""A phone in a car's book: neither its walks nor rides by train are trips of the car."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import device_key_of
from trackflow.usecases.categories.correcting import correct_mode, undo_correction
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.left_out import left_out
from trackflow.usecases.mileage.reconciling import compare_month
from trackflow_tests.helpers.stores import NOON, Clock, batch_of_device, deliver, open_context
from trackflow_tests.usecases.categories.test_legs import moves

MORNING = NOON - dt.timedelta(hours=4)
WALK = MORNING + dt.timedelta(hours=2)


def begin(context: Context, preset: str | None) -> None:
    """A drive, and from where it ends a walk."""
    by_car, on_foot = moves([(0, 60, 60)], MORNING), moves([(0, 5, 30)], WALK)
    on_foot = Points.of(on_foot.time_us, on_foot.lon - 24.9 + by_car.lon[-1], on_foot.lat)
    for points in (by_car, on_foot):
        deliver(context.store, batch_of_device("phone", points))
    fleet.save_vehicle(context, "V", kind="car")
    fleet.put_device(context, "V", "phone")
    if preset:
        change_settings(context, "phone", preset=preset)
    settle(context)


def settle(context: Context) -> None:
    run(context)
    assert not follow_tracks(context).errors
    assert all(count == 0 for count in follow_tracks(context).changed.values()), "idempotent"


def correct(context: Context, start: dt.datetime, mode: Mode) -> Callable[[], object]:
    """What a person says of an hour; returns what takes it back."""
    one = correct_mode(
        context, "phone", start, start + dt.timedelta(hours=1, minutes=5), mode, decided_by="anna"
    )
    settle(context)

    def undo() -> None:
        undo_correction(context, one.correction_id)
        settle(context)

    return undo


def hours(context: Context) -> list[int]:
    """When the trips of the book begin, in hours after the first."""
    return [
        round((one.start_time - MORNING).total_seconds() / 3600)
        for one in list_entries(context, vehicle_id="V")
        if not one.is_gone
    ]


def problems(context: Context) -> list[object]:
    """What is wrong with the book, and where its month differs from the tracks."""
    months = compare_month(context, f"{NOON:%Y-%m}")
    broken = [book for book in verify_books(context) if book.faults or book.problems]
    return [*broken, *(month for month in months if month.differences)]


def test_a_walk_with_the_phone_is_no_trip_of_the_car(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path, Clock(NOON + ONE_DAY)) as context:
        begin(context, "phone")
        assert hours(context) == [0]
        assert not problems(context)


def test_what_is_built_in_is_in_the_vehicle_however_slow(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path, Clock(NOON + ONE_DAY)) as context:
        begin(context, None)
        assert hours(context) == [0, 2]
        change_settings(context, "phone", preset="phone")
        settle(context)
        assert hours(context) == [0], "it is a phone after all"
        fleet.save_vehicle(context, "V", kind="other")
        settle(context)
        assert hours(context) == [0, 2], "a machine may be as slow"


def test_what_is_built_in_goes_before_a_phone_of_any_name(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path, Clock(MORNING + 3 * ONE_DAY)) as context:
        deliver(context.store, batch_of_device("tracker", moves([(0, 60, 60)], MORNING)))
        begin(context, "phone")
        fleet.put_device(context, "V", "tracker")
        settle(context)
        (trip,) = list_entries(context, vehicle_id="V")
        assert trip.entry.device_key == device_key_of("tracker")
        assert [one.reason for one in left_out(context)] == ["double", "slow"]


def test_a_walk_that_is_closed_is_amended_once(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOON + ONE_DAY)
    with open_context(database_url, tmp_path, clock) as context:
        begin(context, None)
        clock.time += 8 * ONE_DAY
        assert close_due(context).closed == 2
        change_settings(context, "phone", preset="phone")
        settle(context)
        assert hours(context) == [0]
        _, walk = list_entries(context, vehicle_id="V")
        (amendment,) = walk.amendments
        assert amendment.reason.endswith("was not made in the vehicle")
        assert not problems(context)


def test_what_a_person_says_decides_and_is_taken_back(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path, Clock(NOON + ONE_DAY)) as context:
        begin(context, "phone")
        no_drive = correct(context, MORNING, Mode.TRAIN)
        assert hours(context) == [], "as fast as a car, and none"
        crept = correct(context, WALK, Mode.DRIVING)
        assert hours(context) == [2], "as slow as a walk, and a drive"
        assert not problems(context)
        no_drive()
        assert hours(context) == [0, 2]
        crept()
        assert hours(context) == [0]
        correct(context, MORNING, Mode.CYCLING)
        assert hours(context) == []
        fleet.save_vehicle(context, "V", kind="bicycle")
        settle(context)
        assert hours(context) == [0]
        change_settings(context, "phone", preset="vehicle")
        fleet.save_vehicle(context, "V", kind="car")
        settle(context)
        assert hours(context) == [0, 2], "what is built in has no other way to travel"
        assert not problems(context)


def test_a_closed_trip_is_amended_once_for_each_word(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOON + ONE_DAY)
    with open_context(database_url, tmp_path, clock) as context:
        begin(context, "phone")
        clock.time += 8 * ONE_DAY
        assert close_due(context).closed == 1
        take_back = correct(context, MORNING, Mode.TRAIN)
        assert hours(context) == []
        (drive,) = list_entries(context, vehicle_id="V")
        assert [one.changes["gone"] for one in drive.amendments] == [[False, True]]
        assert not problems(context)
        take_back()
        assert hours(context) == [0]
        (drive,) = list_entries(context, vehicle_id="V")
        assert [one.changes["gone"] for one in drive.amendments] == [[False, True], [True, False]]
        assert drive.content["mode"] == drive.entry.content["mode"]

        take_back = correct(context, WALK, Mode.DRIVING)
        added = list_entries(context, vehicle_id="V")[1]
        assert (added.status, len(added.amendments)) == ("added", 1)
        take_back()
        assert hours(context) == [0]
        correct(context, WALK, Mode.DRIVING)
        assert hours(context) == [0, 2]
        again = list_entries(context, vehicle_id="V")[1]
        assert (again.trip_id, len(again.amendments)) == (added.trip_id, 3)
        assert not problems(context)
