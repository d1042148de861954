"""What is in no book is listed with why: book and list are all tracks of the devices."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.exports.mileage.writing import report_bytes
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import device_key_of
from trackflow.mileage.left_out import LeftOutTrack
from trackflow.usecases.categories.correcting import correct_mode, list_corrections
from trackflow.usecases.categories.deciding import DecisionRequest, decide, undo_decision
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import list_entries
from trackflow.usecases.mileage.left_out import left_out, range_wanted
from trackflow.usecases.mileage.reports import month_reports, report_of
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    open_context,
)
from trackflow_tests.usecases.categories.test_legs import moves

HOUR = dt.timedelta(hours=1)
LAST_EVENING = dt.datetime(2026, 2, 28, 22, 30, tzinfo=dt.UTC)
"""In Helsinki the 1st of March."""

DRIVE, WALK = [(0, 60.0, 50)], [(0, 5.0, 30)]


@pytest.fixture
def context(database_url: str, tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    """A phone that walks, drives and goes by train, with a tracker in its car."""
    clock = Clock(NOON + 2 * ONE_DAY)

    def make() -> None:
        where: dict[str, float] = {}
        for device, start, way in (
            ("phone", LAST_EVENING - 6 * HOUR, WALK),
            ("phone", LAST_EVENING, WALK),
            ("phone", NOON, DRIVE),
            ("phone", NOON + 3 * HOUR, DRIVE),
            ("tracker", NOON + 3 * HOUR, DRIVE),
            ("tracker", NOON + 6 * HOUR, WALK),
            ("van", NOON, WALK),
        ):
            points = moves(way, start)
            lon = points.lon - 24.9 + where.get(device, 24.9)
            where[device] = lon[-1]  # it goes on from there
            points = Points.of(points.time_us, lon, points.lat)
            deliver(opened.store, batch_of_device(device, points))
        fleet.save_vehicle(opened, "car", time_zone="Europe/Helsinki")
        fleet.save_vehicle(opened, "van", kind="van")
        fleet.put_device(opened, "car", "tracker", NOON - 90 * ONE_DAY)
        fleet.put_device(opened, "car", "phone", NOON - 60 * ONE_DAY)
        fleet.put_device(opened, "van", "van")
        change_settings(opened, "phone", preset="phone")
        run(opened)
        follow_tracks(opened)
        for start, mode, person in (
            (NOON, Mode.BUS, "bo"),
            (NOON, Mode.TRAIN, "anna"),
            (NOON + 3 * HOUR, Mode.DRIVING, "bo"),
        ):
            clock.advance(1)
            correct_mode(opened, "phone", start, start + HOUR, mode, decided_by=person)

    with open_context(database_url, tmp_path, clock) as opened:
        made_once.bring(opened.store, make)
        clock.time = NOON + 2 * ONE_DAY + dt.timedelta(seconds=4)
        yield opened


def told(found: list[LeftOutTrack]) -> list[tuple[str, str, str | None]]:
    return [(f"{one.part.start:%m-%d %H:%M}", one.reason, one.said_by) for one in found]


EARLY = [("02-28 18:30", "slow", None)]
LATE = [
    ("03-01 00:30", "slow", None),
    ("03-02 14:00", "said", "anna"),
    ("03-02 17:00", "double", None),
]


def test_all_that_no_book_has_is_told_with_why(context: Context) -> None:
    found = left_out(context)
    assert told(found) == EARLY + LATE
    assert {one.vehicle_id for one in found} == {"car"}, "what is built in is in the book"
    assert found[2].part.mode == "train"
    in_books = sum(one.content["distance_m"] for one in list_entries(context))
    known = in_books + sum(round(one.part.distance_m) for one in found)
    everything = contents(context.store, "tracks")["tracks"]
    assert known == sum(round(one["distance_m"]) for one in everything)
    assert len(everything) == len(list_entries(context)) + len(found)


def test_the_months_report_says_how_much_is_left_out(context: Context) -> None:
    found = {
        month: {one.vehicle_id: one for one in month_reports(context, month)}
        for month in ("2026-02", "2026-03", "2026-04")
    }
    assert {month: set(some) for month, some in found.items()} == {
        "2026-02": {"car"},  # a walk and no trip: there is something to tell
        "2026-03": {"car", "van"},
        "2026-04": set(),
    }
    march = found["2026-03"]["car"]
    tracks = left_out(context, range_wanted("2026-03"))
    assert [one["track_id"] for one in march.left_out] == [one.part.track_id for one in tracks]
    assert march.left_out_sum(twice=False) == (2, tracks[0].distance_m + tracks[1].distance_m)
    assert march.left_out_sum(twice=True) == (1, tracks[2].distance_m)
    assert found["2026-03"]["van"].left_out_sum(twice=False) == (0, 0)
    closed = report_bytes(march, "csv")
    correct_mode(context, "phone", NOON, NOON + HOUR, Mode.DRIVING, decided_by="anna")
    follow_tracks(context)
    again = report_of(context, "2026-03", "car")
    assert len(again.trips) == len(march.trips) + 1
    assert len(again.left_out) == len(march.left_out) - 1
    assert report_bytes(replace(march, left_out=again.left_out), "csv") == closed


def test_days_and_months_are_those_of_the_book(context: Context) -> None:
    assert told(left_out(context, range_wanted("2026-02"))) == EARLY
    assert told(left_out(context, range_wanted("2026-03"), vehicle_id="car")) == LATE
    assert left_out(context, range_wanted("2026-03"), vehicle_id="van") == []
    day = dt.date(2026, 3, 2)
    assert told(left_out(context, (None, day - 2 * ONE_DAY))) == EARLY
    assert told(left_out(context, (day - ONE_DAY, None))) == LATE
    assert told(left_out(context, (day, day))) == LATE[1:]
    assert left_out(context, range_wanted("1900-02")) == []
    assert left_out(context, range_wanted("2199-11")) == []


def test_who_said_it_is_told_as_far_as_it_is_known(context: Context) -> None:
    follow_tracks(context)
    assert len(list_corrections(context)) == 3
    correct_mode(context, "phone", NOON, NOON + HOUR, Mode.TRAIN, decided_by="carla")
    assert told(left_out(context))[2] == ("03-02 14:00", "said", "carla")


def test_what_a_person_says_of_a_double_counts_for_the_trip_that_the_book_has(
    context: Context,
) -> None:
    def trip() -> tuple[str, str, str]:
        follow_tracks(context)
        (one,) = [e for e in list_entries(context) if e.start_time == NOON + 3 * HOUR]
        assert one.content["device_key"] == str(device_key_of("tracker"))
        return one.content["category"], one.content["purpose"], one.content["mode"]

    start, end = NOON + 3 * HOUR, NOON + 4 * HOUR
    assert trip() == (None, None, "driving")
    said = decide(context, DecisionRequest("phone", start, end, "business", "Smith"), "bo")
    assert trip() == ("business", "Smith", "driving")
    decide(context, DecisionRequest("tracker", start, end, purpose="Jones"), "bo")
    assert trip() == ("business", "Jones", "driving"), "what is said of the trip itself stands"
    undo_decision(context, said.decision_id)
    assert trip() == (None, "Jones", "driving")
    assert told(left_out(context)) == EARLY + LATE


def test_what_makes_no_sense_is_refused(context: Context) -> None:
    with pytest.raises(NotFoundError):
        left_out(context, vehicle_id="nobody")
    with pytest.raises(BadInputError):
        left_out(context, limit=3)
    assert len(left_out(context, limit=4)) == 4
    for month, *days in (
        ("2026-13", None, None),
        ("9999-12", None, None),
        ("0001-01", None, None),
        ("2026-03", NOON.date(), None),
        (None, dt.date.min, None),
        (None, None, dt.date.max),
        (None, NOON.date(), NOON.date() - ONE_DAY),
    ):
        with pytest.raises(BadInputError):
            range_wanted(month, *days)
