"""Closes entries of the logbook: each becomes a link of its book's chain, for ever."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from trackflow.context import Context
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.time import EARLIEST, ONE_DAY, midnight
from trackflow.mileage.entries import UNPAID
from trackflow.mileage.odometer import DrivenTrip, Reading, odometers
from trackflow.mileage.open_times import ClosedTime, closed_time
from trackflow.mileage.rates import Payment, lacking, payments, rate_of
from trackflow.settings import zone_named
from trackflow.store.database import Connection
from trackflow.store.mileage import books, chains, rates, vehicles
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.store.transactions import write_repeatedly
from trackflow.usecases.mileage.amended_trips import BookTrip, book_trips
from trackflow.usecases.mileage.paid_together import (
    are_paid_together,
    counted_beside,
    groups,
    lock_books,
    paid_trip,
    said_of_payment,
)


@dataclass(slots=True)
class ClosingReport:
    """The result of a closing.

    Attributes:
        vehicles: books that were looked at.
        closed: entries that were closed.
        unpaid: of these, those that are not paid, as the table of rates lacks something for them.
    """

    vehicles: int = 0
    closed: int = 0
    unpaid: int = 0


def close_due(context: Context, *, until: dt.datetime | None = None) -> ClosingReport:
    """Close all entries that are due, book by book, each in one transaction.

    Books that are paid together are closed together, in order of time. Two processes at once close
    each entry once; one that is killed leaves whole books. A book whose transaction the database
    breaks off is closed by a further try.

    Args:
        context: the store and settings.
        until: close those that are due by then, UTC; by default, now. Days of grace count from the
            end of a trip, or since the book has known it, so a later time closes trips early.
    """
    report = ClosingReport()
    with context.store.read() as connection:
        known = groups(connection)
    for some in known:
        close = partial(_close_books, context, some, until or context.clock())
        closed = write_repeatedly(context.store, close)
        report.closed += len(closed)
        report.unpaid += sum(UNPAID in entry.content for entry in closed)
        report.vehicles += len(some)
    return report


def _close_books(
    context: Context, chosen: Sequence[Vehicle], until: dt.datetime, connection: Connection
) -> list[Entry]:
    """Close what is due in some books; returns these entries. A second call closes nothing.

    Args:
        context: the settings and the clock.
        chosen: the vehicles.
        until: entries that are due by then, UTC.
        connection: of one transaction.
    """
    closed = lock_books(connection, [one.vehicle_id for one in chosen])
    # odometers and amounts need whole books: on most days most of them have nothing to close
    still_open = {
        one.vehicle_id: books.read_entries(connection, vehicle_id=one.vehicle_id, only_open=True)
        for one in chosen
    }
    changing = [
        one
        for one in chosen
        if any(entry.closes_at <= until for entry in still_open[one.vehicle_id])
    ]
    found = completed_books(connection, changing, due_by=until)
    return [
        entry
        for one in chosen
        for entry in _close_book(
            context,
            one,
            found.get(one.vehicle_id, ()),
            [entry for entry in still_open[one.vehicle_id] if entry.closes_at > until],
            until,
            connection,
            closed.get(one.vehicle_id),
        )
    ]


def _close_book(
    context: Context,
    vehicle: Vehicle,
    trips: Sequence[BookTrip],
    still_open: Sequence[Entry],
    until: dt.datetime,
    connection: Connection,
    before: ClosedTime | None,
) -> list[Entry]:
    """Close what is due in one book; returns these entries.

    Args:
        context: the settings and the clock.
        vehicle: the book's.
        trips: all of the book; none if nothing is due.
        still_open: its entries that stay open.
        until: entries that are due by then, UTC.
        connection: of one transaction, the book locked.
        before: the time of which the book is closed; None before its first closing.
    """
    due = [one.entry for one in trips if is_due(one, until)]
    chains.close_entries(connection, vehicle.vehicle_id, due, context.clock())
    if due or before is not None:
        closed = closed_time(
            before,
            [one.end_time for one in due],
            [(one.start_time, one.end_time) for one in still_open],
            _first_month(context, vehicle, trips, until) if due else None,
            # a trip that is still to be driven is open, however early the others are closed
            min(until - dt.timedelta(days=context.settings.close_after_days), context.clock()),
        )
        if closed is not None and closed != before:
            chains.set_closed_time(connection, vehicle.vehicle_id, closed)
    return due


def _first_month(
    context: Context, vehicle: Vehicle, trips: Sequence[BookTrip], until: dt.datetime
) -> dt.datetime:
    """When the first month begins of which a book has closed trips, counting those due by then."""
    month = min(one.entry.month for one in trips if one.is_closed or is_due(one, until))
    zone = zone_named(vehicle.time_zone or context.settings.time_zone)
    return begin_of(dt.date.fromisoformat(f"{month}-01"), zone)


def is_due(trip: BookTrip, until: dt.datetime) -> bool:
    """Whether a trip is open, and is to be closed by then."""
    return not trip.is_closed and trip.entry.closes_at <= until


def completed_among(
    connection: Connection, vehicle: Vehicle, trips: Sequence[BookTrip]
) -> list[BookTrip]:
    """Some trips of a book, open ones completed: only these need what else the book says.

    Args:
        connection: to the store.
        vehicle: whose book it is.
        trips: as amended.
    """
    still_open = [trip for trip in trips if not trip.is_closed]
    if not still_open:
        return list(trips)
    since = _counted_since(connection, vehicle, still_open)
    book = completed_books(connection, [vehicle], since=since)[vehicle.vehicle_id]
    made = {trip.trip_id: trip for trip in book}
    return [trip if trip.is_closed else made[trip.trip_id] for trip in trips]


def _counted_since(
    connection: Connection, vehicle: Vehicle, still_open: Sequence[BookTrip]
) -> dt.datetime:
    """Since when trips count for the odometers and the amounts of some open ones.

    Odometers count from the reading before, and amounts from the begin of their rate's year.
    """
    first = min(trip.start_time for trip in still_open)
    readings = readings_of(connection, vehicle.vehicle_id)
    before = [one.read_at for one in readings if one.read_at <= first][-1:]
    table = rates.read_rates(connection)
    begins = [
        midnight(rate.year_begin(one.day))
        for one in (paid_trip(trip, vehicle.kind) for trip in still_open)
        if (rate := rate_of(one, table)) is not None
    ]
    # a day more: days are those of the book's zone, and late points have moved trips
    return min([first, *before, *begins]) - ONE_DAY


def completed_books(
    connection: Connection,
    chosen: Sequence[Vehicle],
    due_by: dt.datetime | None = None,
    since: dt.datetime = EARLIEST,
) -> dict[str, list[BookTrip]]:
    """All trips of some books by vehicle and start, as amended; open ones with odometer and amount.

    Args:
        connection: to the store.
        chosen: the vehicles.
        due_by: what is paid counts open trips that are due by then before all others; None for in
            order of time.
        since: of trips that end later, UTC.
    """
    found = {one.vehicle_id: book_trips(connection, one.vehicle_id, since) for one in chosen}
    paid = _paid(connection, chosen, found, due_by)
    return {name: _completed_trips(connection, name, found[name], paid) for name in found}


def _paid(
    connection: Connection,
    chosen: Sequence[Vehicle],
    found: Mapping[str, Sequence[BookTrip]],
    due_by: dt.datetime | None,
) -> dict[str, Payment | str]:
    """What is paid for trips of some books by their ids, or what the table of rates lacks for them.

    It counts from the closed ones as amended, so that all of them add up to the year; and in the
    order in which they are closed, as each is paid what it adds to those before it.
    """
    there = [
        (trip, paid_trip(trip, vehicle.kind))
        for vehicle in chosen
        for trip in found[vehicle.vehicle_id]
        if not trip.is_gone
    ]
    table = rates.read_rates(connection)
    if are_paid_together(table):
        still_open = [paid for trip, paid in there if not trip.is_closed]
        mine = {one.vehicle_id for one in chosen}
        there += counted_beside(connection, table, still_open, without=mine)
    there.sort(
        key=lambda one: (
            not one[0].is_closed,
            due_by is None or not is_due(one[0], due_by),
            one[0].start_time,
            one[1].key,
        )
    )
    found_paid = payments([paid for _, paid in there], table)
    lacks = {
        one.key: text
        for trip, one in there
        if not trip.is_closed
        and one.key not in found_paid  # looking for its rate once more would cost as much again
        and (text := lacking(one, table)) is not None
    }
    return {**found_paid, **lacks}


def _completed_trips(
    connection: Connection,
    vehicle_id: str,
    found: Sequence[BookTrip],
    paid: Mapping[str, Payment | str],
) -> list[BookTrip]:
    entries = [one.entry for one in found if not one.is_added]
    entries.sort(key=lambda one: (one.start_time, str(one.entry_id)))
    shown = odometers([driven_trip(one) for one in entries], readings_of(connection, vehicle_id))
    odometer_of = {one.entry_id: pair for one, pair in zip(entries, shown, strict=True)}
    return [one if one.is_closed else _completed(one, paid, odometer_of) for one in found]


def _completed(
    trip: BookTrip,
    paid: Mapping[str, Payment | str],
    odometer_of: Mapping[uuid.UUID, tuple[int, int] | None],
) -> BookTrip:
    more = _more(paid.get(str(trip.trip_id)), odometer_of[trip.trip_id])
    return replace(trip, entry=replace(trip.entry, content=trip.entry.content | more))


def _more(payment: Payment | str | None, odometer: tuple[int, int] | None) -> dict[str, Any]:
    start_m, end_m = odometer or (None, None)
    return {"odometer_start_m": start_m, "odometer_end_m": end_m} | said_of_payment(payment)


def driven_trip(entry: Entry) -> DrivenTrip:
    """An entry as odometers see it."""
    start_m, end_m = (entry.content.get(f"odometer_{name}_m") for name in ("start", "end"))
    return DrivenTrip(
        entry.start_time,
        entry.end_time,
        entry.content["distance_m"],
        entry.closed_at is not None,
        None if start_m is None or end_m is None else (start_m, end_m),
    )


def readings_of(connection: Connection, vehicle_id: str) -> list[Reading]:
    """The readings of a vehicle, in order of time."""
    return [
        Reading(row.read_at, row.odometer_m)
        for row in vehicles.read_readings(connection, vehicle_id)
    ]
