"""Rates that count a driver's miles over all vehicles, as in the UK: each pound once, in time."""

import datetime as dt
import tempfile
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import GONE
from trackflow.mileage.rates import DRIVER, METRES, Rate, Tier
from trackflow.store.mileage.rates import read_rates, replace_rates
from trackflow.usecases.categories.deciding import DecisionRequest, decide
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.books import (
    BookTrip,
    amend_entry,
    book_versions,
    list_entries,
    verify_books,
)
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.rate_table import import_rates
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.stores import Clock, batch_of_device, deliver, drive, open_context

MARCH = dt.datetime(2026, 3, 31, 9, tzinfo=dt.UTC)
DEVICES = {"car": "phone", "van": "tracker"}
LIMIT_MI = Decimal(3)
TIERS = (Tier(LIMIT_MI, Decimal("0.45")), Tier(None, Decimal("0.25")))
RATE = Rate("uk", dt.date(2020, 1, 1), None, "business", None, "GBP", "mi", TIERS, (4, 6),
            per=DRIVER)  # fmt: skip


def of_the_year(trips: list[BookTrip]) -> Decimal:
    """What a person is paid for trips of one year, by the table."""
    miles = sum(one.content["distance_m"] for one in trips) / METRES["mi"]
    exact = min(miles, LIMIT_MI) * Decimal("0.45") + max(miles - LIMIT_MI, 0) * Decimal("0.25")
    return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def begin(context: Context) -> None:
    for vehicle, device in DEVICES.items():
        deliver(context.store, batch_of_device(device, drive(MARCH - 60 * ONE_DAY, 20)))
        fleet.save_vehicle(context, vehicle, kind=vehicle, time_zone="Europe/London")
        fleet.put_device(context, vehicle, device)
        fleet.put_driver(context, vehicle, "Ada")
    with context.store.write() as connection:
        replace_rates(connection, [RATE])
    settle(context)


def drive_on(context: Context, vehicle: str, day: int) -> None:
    deliver(
        context.store, batch_of_device(DEVICES[vehicle], drive(MARCH + day * ONE_DAY, 80 + 3 * day))
    )


def settle(context: Context) -> None:
    run(context)
    for device in DEVICES.values():
        always = MARCH - 100 * ONE_DAY, MARCH + 100 * ONE_DAY
        decide(context, DecisionRequest(device, *always, "business", "Visit"), "Ada")
    follow_tracks(context)


def paid(trips: list[BookTrip]) -> Decimal:
    return sum((Decimal(one.content["amount"] or 0) for one in trips), Decimal(0))


def years(context: Context) -> dict[tuple[str, bool], list[BookTrip]]:
    """The trips that are there, by driver and by whether the new tax year has begun."""
    found: dict[tuple[str, bool], list[BookTrip]] = {}
    for one in list_entries(context):
        if not one.is_gone:
            key = one.content["driver"], one.content["local_day"] >= "2026-04-06"
            found.setdefault(key, []).append(one)
    return found


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path, Clock(MARCH)) as opened:
        begin(opened)
        yield opened


def test_two_vehicles_share_the_tiers_of_their_driver(context: Context) -> None:
    """In order of time whichever book is read or closed first, and anew from 6 April on."""
    for day in (1, 2, 3, 7, 8):
        for vehicle in DEVICES:
            drive_on(context, vehicle, day)
    context.clock.time = MARCH + 10 * ONE_DAY  # type: ignore[attr-defined]
    settle(context)
    open_amounts = {one.trip_id: one.content["amount"] for one in list_entries(context)}
    before = years(context)
    assert all(paid(mine) == of_the_year(mine) for mine in before.values())
    assert len(before["Ada", True]) == 4
    for vehicle in DEVICES:  # alone as well
        for one in list_entries(context, vehicle_id=vehicle):
            assert one.content["amount"] == open_amounts[one.trip_id]
    close_due(context, until=MARCH + 40 * ONE_DAY)
    assert {one.trip_id: one.content["amount"] for one in list_entries(context)} == open_amounts
    assert all(one.status == "closed" for one in list_entries(context))
    march = month_reports(context, "2026-03")
    assert march == [], "the first trip is of January"


def test_a_change_of_driver_moves_what_is_paid_to_the_other_year(context: Context) -> None:
    for vehicle in DEVICES:
        for day in (1, 2):
            drive_on(context, vehicle, day)
    settle(context)
    close_due(context, until=MARCH + 40 * ONE_DAY)
    versions = book_versions(context)
    trip = max(list_entries(context, vehicle_id="car"), key=lambda one: one.start_time)
    amend_entry(context, trip.trip_id, {"driver": "Bert"}, reason="he drove", amended_by="Ada")
    (bert,) = years(context)["Bert", False]
    assert paid([bert]) == of_the_year([bert]) > 0
    both = book_versions(context)
    assert all(versions[name] != both[name] for name in DEVICES), "amounts in both"
    assert all(one.is_intact for one in verify_books(context))


STEPS = st.one_of(
    st.tuples(st.just("drive"), st.sampled_from(sorted(DEVICES)), st.integers(1, 9)),
    st.tuples(st.just("close"), st.integers(1, 20)),
    st.tuples(st.just("lengthen"), st.sampled_from(sorted(DEVICES)), st.integers(1, 9)),
)


@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(STEPS, min_size=2, max_size=9))
def test_a_drivers_trips_add_up_to_the_year_to_the_cent(history: list[tuple[Any, ...]]) -> None:
    """Closed, open, late and amended ones of both vehicles together."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_context("", Path(folder), Clock(MARCH)) as context,
    ):
        begin(context)
        for what, *values in history:
            if what == "close":
                close_due(context, until=MARCH + (7 + values[0]) * ONE_DAY)
            elif what == "drive":
                drive_on(context, *values)
            else:  # late points make a trip longer
                start = MARCH + values[1] * ONE_DAY
                longer = batch_of_device(DEVICES[values[0]], drive(start, 140))
                deliver(context.store, longer)
            settle(context)
            for mine in years(context).values():
                gone = any(GONE in a.changes for one in mine for a in one.amendments)
                assert gone or paid(mine) == of_the_year(mine)
        assert all(one.is_intact for one in verify_books(context))


def test_a_table_says_whose_miles_count(context: Context, tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    path.write_text(
        '[[rate]]\nid = "uk"\nfrom = 2026-04-06\ncurrency = "GBP"\nunit = "mi"\nper = "driver"\n'
        'tiers = [{ up_to = 10000, amount = "0.45" }, { amount = "0.25" }]\n'
    )
    (rate,) = import_rates(context, path)
    with context.store.read() as connection:
        assert read_rates(connection) == [rate]
    assert rate.per == DRIVER
