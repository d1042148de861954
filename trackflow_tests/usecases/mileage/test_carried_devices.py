"""A phone in a car's book: its walks are none of the car's trips."""

import datetime as dt
from pathlib import Path

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
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
