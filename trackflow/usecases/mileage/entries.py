"""Compares books with tracks: open entries follow them, closed ones are amended.

An open entry is made anew from the tracks whenever they change. A closed one never changes: what
differs becomes an amendment beside it, once.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from trackflow.context import Context
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY, midnight, runs_of_days
from trackflow.mileage.entries import device_key_of
from trackflow.mileage.open_times import ClosedTime
from trackflow.store.categories import trips
from trackflow.store.database import Connection
from trackflow.store.devices.settings import lock_devices
from trackflow.store.mileage import book_days, books, vehicles
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.store.transactions import MOST_DAYS
from trackflow.usecases.mileage.amended_trips import BookTrip, book_trips
from trackflow.usecases.mileage.amending import Amender
from trackflow.usecases.mileage.entry_inputs import own_hashes
from trackflow.usecases.mileage.making import VehicleTracks, entries_of, read_tracks
from trackflow.usecases.mileage.opening import Opener
from trackflow.usecases.mileage.paid_together import lock_books

BESIDE = ONE_DAY
"""Tracks around the days are read as well: a trip may cross midnight, or be joined."""


@dataclass(slots=True)
class EntriesReport:
    """The result of an update.

    Attributes:
        changed: open entries that are new, gone or different.
        amended: amendments of closed books.
    """

    changed: int = 0
    amended: int = 0

    @property
    def total(self) -> int:
        """Changed and amended."""
        return self.changed + self.amended


def days_due(
    context: Context,
    device_id: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[dt.date]]:
    """Days of devices whose trips are not in the book as they are now.

    Args:
        context: the store and settings.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    with context.store.read() as connection:
        return due_in(context, connection, device_id, first, last)


def due_in(
    context: Context,
    connection: Connection,
    device_id: str | None,
    first: dt.date | None,
    last: dt.date | None,
) -> dict[str, list[dt.date]]:
    """The same as `days_due`, of the data that a transaction sees.

    Args:
        context: the settings.
        connection: to the store.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    own = own_hashes(context, connection, device_id)
    found = book_days.due_days(connection, own, device_id, first, last)
    return {one: [day for day, _ in days] for one, days in found.items()}


def forget(
    context: Context, device_id: str | None, first: dt.date | None, last: dt.date | None
) -> None:
    """Make days due again, also those that have not changed.

    Args:
        context: the store.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    with context.store.write() as connection:
        book_days.forget_days(connection, None if device_id is None else (device_id,), first, last)


def update_entries(context: Context, device_id: str, days: Collection[dt.date]) -> EntriesReport:
    """Bring the books of a device's vehicles up to date for some days; idempotent.

    Args:
        context: the store and settings.
        device_id: the device.
        days: days of UTC; trips that touch them are compared.
    """
    report = EntriesReport()
    for first, last in runs_of_days(set(days), most=MOST_DAYS):
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            own = own_hashes(context, connection, device_id)
            due = book_days.due_days(connection, own, device_id, first, last)
            time = midnight(first) - BESIDE, midnight(last + ONE_DAY) + BESIDE
            names = vehicles_of(connection, device_id, *time)
            compare_books(context, connection, dict.fromkeys(names, time), report)
            book_days.note_days(connection, device_id, due.get(device_id, []))
    return report


def vehicles_of(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> list[str]:
    """The vehicles in whose books a device's trips of a time are, or should be.

    Args:
        connection: to the store.
        device_id: the device.
        start: UTC.
        end: UTC, not included.
    """
    assigned = trips.read_vehicles(connection, (device_id,)).of_devices.get(device_id, [])
    names = {
        one.name
        for one in assigned
        if one.from_time < end and (one.until_time is None or one.until_time > start)
    }
    # a device that was put into another vehicle has trips in the book of the former one
    names |= set(books.vehicles_with(connection, device_key_of(device_id), start, end))
    return sorted(names)


def books_of(connection: Connection, device_id: str) -> dict[str, tuple[dt.datetime, dt.datetime]]:
    """The vehicles in whose books a device may have trips, and the time of each book's trips."""
    found = {}
    for vehicle_id in vehicles_of(connection, device_id, EARLIEST, LATEST):
        if known := book_trips(connection, vehicle_id):
            ends = max(trip.end_time for trip in known)
            found[vehicle_id] = known[0].start_time, ends
    return found


def compare_books(
    context: Context,
    connection: Connection,
    times: Mapping[str, tuple[dt.datetime, dt.datetime]],
    report: EntriesReport,
) -> None:
    """Compare books with the tracks of all devices in their vehicles.

    Args:
        context: the settings and the clock.
        connection: in a transaction for writing.
        times: by vehicle, the time to compare.
        report: is added to.
    """
    if not times:
        return  # most devices are in no vehicle
    lock_books(connection, times)
    # now that nobody else closes them
    known = {one.vehicle_id: one for one in vehicles.read_vehicles(connection)}
    for vehicle_id in sorted(set(times) & set(known)):
        _compare(context, connection, known[vehicle_id], times[vehicle_id], report)


def _compare(
    context: Context,
    connection: Connection,
    vehicle: Vehicle,
    time: tuple[dt.datetime, dt.datetime],
    report: EntriesReport,
) -> None:
    """Compare a book with the tracks of a time.

    Args:
        context: the settings and the clock.
        connection: in a transaction for writing.
        vehicle: whose book it is.
        time: from when to when.
        report: is added to.
    """
    found, known = whole_trips(connection, vehicle, time)
    wanted = entries_of(context, connection, vehicle, found)
    unsettled = books.unsettled(connection, found.device_ids)
    now = context.clock()
    amender = Amender(connection, vehicle, now)
    opener = Opener.read(connection, vehicle.vehicle_id, wanted, now)
    for entry, trip in paired(wanted, known):
        if entry is not None and trip is None:
            _add(connection, entry, vehicle.closed_time, amender, opener, report)
        elif trip is not None and trip.is_closed:
            # a day that is being worked on lacks tracks that will be there again
            if entry is not None or not unsettled.touches(trip.start_time, trip.end_time):
                report.amended += amender.follow(trip, entry)
        elif trip is not None and entry is None:
            books.drop_open(connection, trip.trip_id)
            report.changed += 1
        elif trip is not None and entry is not None:
            opened = opener.opened(replace(entry, entry_id=trip.trip_id))
            if _differs(trip, opened):
                books.put_open(connection, opened, now)
                report.changed += 1
    opener.write()


def whole_trips(
    connection: Connection, vehicle: Vehicle, time: tuple[dt.datetime, dt.datetime]
) -> tuple[VehicleTracks, list[BookTrip]]:
    """The tracks of a vehicle and the trips of its book in a time, and in all that these reach.

    Half of a trip on one side would look like a trip that the other side lacks.
    """
    while True:
        found = read_tracks(connection, vehicle, *time)
        known = book_trips(connection, vehicle.vehicle_id, *time)
        spans = [*found.spans, *((one.start_time, one.end_time) for one in known), time]
        wider = min(start for start, _ in spans), max(end for _, end in spans)
        if wider == time:
            return found, known
        time = wider


def _differs(trip: BookTrip, entry: Entry) -> bool:
    return (trip.content, trip.entry.closes_at) != (entry.content, entry.closes_at)


def paired(
    wanted: Sequence[Entry], known: Sequence[BookTrip]
) -> list[tuple[Entry | None, BookTrip | None]]:
    """Each trip with what the book says about it: by id, else by the time that both share.

    A late point that moves the start of a track changes its id, and not the trip. Of several trips
    it is the one with which it shares most: what people said of that one goes along.
    """
    by_id = {trip.trip_id: trip for trip in known}
    found: list[tuple[Entry | None, BookTrip | None]] = []
    left: list[Entry] = []
    for entry in wanted:
        trip = by_id.pop(entry.entry_id, None)
        if trip is None:
            left.append(entry)
        else:
            found.append((entry, trip))
    for entry in left:
        sharing = [
            trip
            for trip in by_id.values()
            if trip.start_time <= entry.end_time and trip.end_time >= entry.start_time
        ]
        best = max(sharing, key=partial(_likeness, entry), default=None)
        found.append((entry, best and by_id.pop(best.trip_id)))
    return found + [(None, trip) for trip in by_id.values()]


def _likeness(entry: Entry, trip: BookTrip) -> tuple[bool, dt.timedelta]:
    """How well a trip of the book fits a track: one that is there, and for how long both were."""
    shared = min(entry.end_time, trip.end_time) - max(entry.start_time, trip.start_time)
    return not trip.is_gone, shared


def _add(
    connection: Connection,
    entry: Entry,
    closed: ClosedTime | None,
    amender: Amender,
    opener: Opener,
    report: EntriesReport,
) -> None:
    """Put a trip into the open part of its book, or amend the closed part that lacks it.

    Args:
        connection: in a transaction for writing, the book locked.
        entry: the trip.
        closed: the time of which the book is closed.
        amender: of the book.
        opener: of the book.
        report: is added to.
    """
    while books.read_entry(connection, entry.entry_id) is not None:
        # of a trip that once began with this track, and is another one by now
        entry = replace(entry, entry_id=uuid.uuid5(entry.entry_id, "again"))
    if closed is None or not closed.has(entry.end_time):
        books.put_open(connection, opener.opened(entry), amender.now)
        report.changed += 1
        return
    amender.add_trip(entry)
    report.amended += 1
