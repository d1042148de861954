"""Whatever happens to tracks, in any order: the book as amended says what they say, once.

Closed entries stay as they are, byte for byte; what is open follows the tracks.
"""

import datetime as dt
import tempfile
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.errors import NotFoundError, SettingsError
from trackflow.exports.mileage.csv import entries_csv
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY
from trackflow.mileage.rates import Rate, Tier
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.rates import replace_rates
from trackflow.store.mileage.tables import logbook_amendments, logbook_entries, vehicle_devices
from trackflow.store.tables import tracks
from trackflow.usecases.categories.correcting import (
    correct_mode,
    list_corrections,
    undo_correction,
)
from trackflow.usecases.categories.deciding import DecisionRequest, decide
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.categories.reading import read_categories
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.devices.renaming import rename
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.mileage import fleet
from trackflow.usecases.mileage.amended_trips import BookTrip, book_trips
from trackflow.usecases.mileage.books import book_versions, list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.joins import join_trips
from trackflow.usecases.mileage.left_out import left_out
from trackflow.usecases.mileage.reconciling import compare_month
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.stores import (
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
    part_of,
)

HOUR = dt.timedelta(hours=1)
LAST_EVENING = dt.datetime(2026, 3, 30, 22, 30, tzinfo=dt.UTC)
"""In Helsinki the 31st, after the clocks went forward; the fourth drive begins in April there."""

DRIVES = 5
LENGTH = 240
"""Points of a drive, one each 10 seconds: the middle of it is silent for long if it is left out."""

RATE = Rate("all", dt.date(2026, 1, 1), None, None, None, "EUR", "km",
            (Tier(None, Decimal("0.42")),))  # fmt: skip

PARTS = {"all": slice(0, LENGTH), "first": slice(0, 80), "last": slice(160, LENGTH)}
VEHICLES = ("A", "B")

steps = st.one_of(
    st.tuples(
        st.just("deliver"),
        st.sampled_from(["van", "phone"]),
        st.integers(0, DRIVES - 1),
        st.sampled_from(sorted(PARTS)),
    ),
    st.tuples(st.just("close"), st.integers(1, 12)),
    st.tuples(
        st.just("decide"),
        st.sampled_from(["van", "phone"]),
        st.integers(0, DRIVES - 1),
        st.sampled_from(["business", "private"]),
    ),
    st.tuples(st.just("join"), st.integers(0, DRIVES - 2)),
    st.tuples(st.just("move"), st.sampled_from(["van", "phone"]), st.sampled_from(VEHICLES)),
    st.tuples(st.just("cut"), st.sampled_from([120.0, 1200.0])),
    st.tuples(st.just("purge"), st.sampled_from(["van", "phone"])),
    st.tuples(st.just("rename"),),
    st.tuples(st.just("carry"), st.sampled_from(["phone", ""])),
    st.tuples(
        st.just("correct"), st.integers(0, DRIVES - 1), st.sampled_from([Mode.TRAIN, Mode.DRIVING])
    ),
    st.tuples(st.just("undo"),),
)  # fmt: skip


class Book:
    """A store in which things happen, and what its closed books said from the beginning."""

    def __init__(self, context: Context, clock: Clock) -> None:
        self.context, self.clock = context, clock
        self.names = {"van": "van", "phone": "phone"}
        self.closed: dict[Any, Any] = {}
        self.said: dict[str, tuple[Any, str]] = {}
        self.months: dict[tuple[str, str], bytes] = {}
        self.seen: list[tuple[Entry, dt.datetime]] = []
        for name in VEHICLES:
            fleet.save_vehicle(context, name, time_zone="Europe/Helsinki")
        for device in self.names:
            whole = batch_of_device(device, drive(start_of(0), LENGTH))
            deliver(context.store, part_of(whole, PARTS["all"]))
            fleet.put_device(context, VEHICLES[0], device)
        with context.store.write() as connection:
            replace_rates(connection, [RATE])

    def happen(self, step: tuple[Any, ...]) -> None:
        self.clock.time += ONE_DAY / 86_400
        with suppress(SettingsError, NotFoundError):  # the device is not there any more
            getattr(self, f"_{step[0]}")(*step[1:])

    def _deliver(self, device: str, number: int, part: str) -> None:
        # the phone is in the same vehicle, and a little later
        late = HOUR / 60 if device == "phone" else 0 * HOUR
        whole = batch_of_device(self.names[device], drive(start_of(number) + late, LENGTH))
        deliver(self.context.store, part_of(whole, PARTS[part]))

    def _close(self, days: int) -> None:
        self.clock.time += days * ONE_DAY
        close_due(self.context)

    def _decide(self, device: str, number: int, category: str) -> None:
        start, name = start_of(number) - HOUR, self.names[device]
        wanted = DecisionRequest(name, start, start + 3 * HOUR, category, "a purpose")
        decide(self.context, wanted, "anna")

    def _join(self, number: int) -> None:
        start, end = start_of(number) - HOUR, start_of(number + 1) + 2 * HOUR
        join_trips(self.context, self.names["van"], start, end, decided_by="anna")

    def _move(self, device: str, vehicle: str) -> None:
        name = self.names[device]
        for one in fleet.list_devices(self.context):
            if one.name == name and one.vehicle_id != vehicle:
                fleet.undo_device(self.context, one.vehicle_id, name, one.from_time)
        fleet.put_device(self.context, vehicle, name)

    def _cut(self, gap_s: float) -> None:
        change_settings(self.context, self.names["van"], overrides={"gap_s": gap_s})

    def _purge(self, device: str) -> None:
        purge(self.context, self.names[device])
        self.seen = []  # it leaves no trace

    def _rename(self) -> None:
        new = self.names["van"] + "x"
        rename(self.context, self.names["van"], new)
        self.names["van"] = new

    def _carry(self, preset: str) -> None:
        change_settings(self.context, self.names["phone"], preset=preset)

    def _correct(self, number: int, mode: Mode) -> None:
        start, device = start_of(number) - HOUR / 2, self.names["phone"]
        correct_mode(self.context, device, start, start + 1.5 * HOUR, mode, decided_by="anna")

    def _undo(self) -> None:
        for one in list_corrections(self.context)[-1:]:
            undo_correction(self.context, one.correction_id)

    def settle(self) -> None:
        run(self.context)
        report = follow_tracks(self.context)
        assert not report.errors

    def check(self) -> None:
        self._has_a_version()
        self._is_open_since_it_was_seen()
        self._closed_stays()
        self._says_what_tracks_say()
        before = self._rows(logbook_amendments)
        follow_tracks(self.context, everything=True)
        assert self._rows(logbook_amendments) == before, "a difference is amended once"
        assert all(one.is_intact for one in verify_books(self.context)), verify_books(self.context)
        for month in ("2026-03", "2026-04"):
            for sums in compare_month(self.context, month):
                assert (sums.differences, sums.book_m) == ([], sums.tracks_m)

    def _has_a_version(self) -> None:
        """It changes with the book, and with nothing else."""
        versions = book_versions(self.context)
        for vehicle in VEHICLES:
            says = [
                (one.entry, one.amendments, one.content)
                for one in list_entries(self.context, vehicle_id=vehicle)
            ]
            before, version = self.said.get(vehicle, (None, None))
            assert versions[vehicle] == book_versions(self.context, vehicle)[vehicle]
            assert says == before or versions[vehicle] != version
            self.said[vehicle] = says, versions[vehicle]

    def _is_open_since_it_was_seen(self) -> None:
        """For seven days, however the tracks are cut, joined and named afterwards."""
        found = [one.entry for one in list_entries(self.context) if one.status == "open"]
        for entry in found:
            first = min(
                (
                    moment
                    for one, moment in self.seen
                    if one.vehicle_id == entry.vehicle_id
                    and one.start_time < entry.end_time
                    and one.end_time > entry.start_time
                ),
                default=self.clock.time,
            )
            opened = entry.closes_at - 7 * ONE_DAY
            assert entry.end_time <= opened <= max(entry.end_time, first)
        self.seen += [(entry, self.clock.time) for entry in found]

    def _closed_stays(self) -> None:
        now = {key: row for key, row in self._rows(logbook_entries).items() if row["closed_at"]}
        assert {key: now.get(key) for key in self.closed} == self.closed
        self.closed = now
        for vehicle in fleet.list_vehicles(self.context):
            for month in ("2026-03", "2026-04"):
                middle = dt.datetime.fromisoformat(f"{month}-15T00:00:00+00:00")
                closed = vehicle.closed_time
                if closed is None or closed.end < middle + 18 * ONE_DAY:
                    continue
                if closed.start is not None and closed.start > middle - 14 * ONE_DAY:
                    continue
                for report in month_reports(self.context, month, vehicle.vehicle_id):
                    key, content = (vehicle.vehicle_id, month), entries_csv(report)
                    assert self.months.setdefault(key, content) == content
                    assert report.amended_m == sum(
                        trip.content["distance_m"]
                        for trip in self._present(vehicle.vehicle_id)
                        if trip.entry.month == month
                    )

    def _says_what_tracks_say(self) -> None:
        """Each kilometre of a vehicle is in its book once, in the trip of its time."""
        with self.context.store.read() as connection:
            rows = connection.execute(sa.select(tracks).order_by(tracks.c.start_time)).all()
            d = vehicle_devices.c
            pairs = connection.execute(sa.select(d.device_id, d.vehicle_id)).all()
            assigned = {row.device_id: row.vehicle_id for row in pairs}
        category = {
            (row["device_id"], row["start_time"]): row["category"]
            for row in read_categories(self.context, None, None, None)
        }
        for vehicle in VEHICLES:
            mine = [row for row in rows if assigned.get(row.device_id) == vehicle]
            trips = self._present(vehicle)
            left = left_out(self.context, vehicle_id=vehicle)
            left_ids = {one.part.track_id for one in left}
            counted = set()
            for trip in trips:
                parts = [
                    row for row in mine
                    if str(row.track_id) not in left_ids
                    and trip.start_time <= row.start_time.replace(microsecond=0)
                    and row.end_time.replace(microsecond=0) <= trip.end_time
                ]  # fmt: skip
                by_device: dict[str, list[Any]] = {}
                for row in parts:
                    by_device.setdefault(row.device_id, []).append(row)
                fitting = [
                    some for some in by_device.values()
                    if sum(round(row.distance_m) for row in some) == trip.content["distance_m"]
                ]  # fmt: skip
                assert fitting, (trip.content, parts)
                counted.update((row.device_id, row.start_time) for row in fitting[0])
                if len(fitting[0]) == 1:
                    (row,) = fitting[0]
                    of_doubles = {
                        category[one.part.device_id, one.part.start]
                        for one in left
                        if one.reason == "double"
                        and one.part.start < trip.end_time
                        and one.part.end > trip.start_time
                    }
                    own = category[row.device_id, row.start_time]
                    assert trip.content["category"] in ({own} if own else {None, *of_doubles})
            self._adds_up(vehicle)
            known_m = sum(trip.content["distance_m"] for trip in trips)
            known_m += sum(round(one.part.distance_m) for one in left)
            assert known_m == sum(round(row.distance_m) for row in mine), "it says what it lacks"
            elsewhere = {one.part.track_id for one in left if one.reason != "double"}
            for row in mine:
                if (row.device_id, row.start_time) not in counted:
                    assert str(row.track_id) in elsewhere or any(
                        trip.start_time < row.end_time and row.start_time < trip.end_time
                        for trip in trips
                    ), f"{row.device_id} drove, and the book does not know"

    def _present(self, vehicle: str) -> list[BookTrip]:
        with self.context.store.read() as connection:
            found = book_trips(connection, vehicle, EARLIEST, LATEST)
        return [trip for trip in found if not trip.is_gone]

    def _adds_up(self, vehicle: str) -> None:
        """What is paid for all trips is the sum of the year, to the cent.

        A trip that leaves takes the cents with it that it was rounded to.
        """
        trips = list_entries(self.context, vehicle_id=vehicle)
        left = [
            one for trip in trips for one in trip.amendments if one.changes.get("gone", [0, 0])[1]
        ]
        there = [trip for trip in trips if not trip.is_gone]
        paid = sum((Decimal(trip.content["amount"]) for trip in there), Decimal(0))
        whole = sum(trip.content["distance_m"] for trip in there) * Decimal("0.00042")
        assert abs(paid - whole) <= Decimal("0.005") + len(left) * Decimal("0.01")
        assert all(trip.content["amount"] is None for trip in trips if trip.is_gone)

    def _rows(self, table: sa.Table) -> dict[Any, dict[str, Any]]:
        with self.context.store.read() as connection:
            rows = connection.execute(sa.select(table)).mappings().all()
        return {row[next(iter(table.primary_key)).name]: dict(row) for row in rows}


def start_of(number: int) -> dt.datetime:
    return LAST_EVENING + number * 1.5 * HOUR - 6 * HOUR


@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(steps, min_size=2, max_size=9))
def test_the_book_as_amended_says_what_tracks_say(history: list[tuple[Any, ...]]) -> None:
    clock = Clock(LAST_EVENING + ONE_DAY)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_context("", Path(folder), clock, time_zone="Europe/Helsinki") as context,
    ):
        book = Book(context, clock)
        book.settle()
        for step in [*history, ("close", 9), ("deliver", "van", 1, "all")]:
            book.happen(step)
            book.settle()
            book.check()
