"""Closes entries of the logbook: each becomes a link of its book's chain, for ever."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from trackflow.context import Context
from trackflow.mileage.odometer import DrivenTrip, Reading, odometers
from trackflow.mileage.rates import Payment, payments
from trackflow.store.database import Connection
from trackflow.store.mileage import books, rates, vehicles
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.store.transactions import write_repeatedly
from trackflow.usecases.mileage.amended_trips import BookTrip, book_trips
from trackflow.usecases.mileage.amending import paid_trip


@dataclass(slots=True)
class ClosingReport:
    """The result of a closing.

    Attributes:
        vehicles: books that were looked at.
        closed: entries that were closed.
    """

    vehicles: int = 0
    closed: int = 0


def close_due(context: Context, *, until: dt.datetime | None = None) -> ClosingReport:
    """Close all entries that are due, book by book, each in one transaction.

    Two processes at once close each entry once; one that is killed leaves whole books. A book whose
    transaction the database breaks off is closed by a further try.

    Args:
        context: the store and settings.
        until: close those that are due by then, UTC; by default, now. Days of grace count from the
            end of a trip, so a later time closes trips early.
    """
    report = ClosingReport()
    with context.store.read() as connection:
        known = vehicles.read_vehicles(connection)
    for vehicle in known:
        close = partial(_close_book, context, vehicle, until or context.clock())
        report.closed += write_repeatedly(context.store, close)
        report.vehicles += 1
    return report


def _close_book(
    context: Context, vehicle: Vehicle, until: dt.datetime, connection: Connection
) -> int:
    """Close what is due in one book; returns how many entries. A second call closes nothing.

    Args:
        context: the settings and the clock.
        vehicle: the book's.
        until: entries that are due by then, UTC.
        connection: of one transaction.
    """
    closed_until = books.lock_book(connection, vehicle.vehicle_id)
    entries = completed_entries(connection, vehicle)
    due = [one for one in entries if one.closed_at is None and one.closes_at <= until]
    books.close_entries(connection, vehicle.vehicle_id, due, context.clock())
    # a trip that is still to be driven is open, however early the others are closed
    reached = min(until - dt.timedelta(days=context.settings.close_after_days), context.clock())
    if (due or closed_until is not None) and (closed_until is None or closed_until < reached):
        books.set_closed_until(connection, vehicle.vehicle_id, reached)
    return len(due)


def completed_entries(connection: Connection, vehicle: Vehicle) -> list[Entry]:
    """All entries of a book in order of time; open ones with odometers and what is paid for them.

    Closed ones stay as they are.
    """
    return [trip.entry for trip in completed_trips(connection, vehicle) if not trip.is_added]


def completed_trips(connection: Connection, vehicle: Vehicle) -> list[BookTrip]:
    """All trips of a book by start, as amended; open ones with odometers and what is paid for them.

    What is paid counts from the closed ones as amended, so that all of them add up to the year.
    """
    found = book_trips(connection, vehicle.vehicle_id)
    there = sorted((one for one in found if not one.is_gone), key=lambda one: not one.is_closed)
    table = rates.read_rates(connection)
    paid = payments([paid_trip(one, vehicle.kind) for one in there], table)
    entries = [one.entry for one in found if not one.is_added]
    entries.sort(key=lambda one: (one.start_time, str(one.entry_id)))
    shown = odometers(
        [driven_trip(one) for one in entries], readings_of(connection, vehicle.vehicle_id)
    )
    odometer_of = {one.entry_id: pair for one, pair in zip(entries, shown, strict=True)}
    return [one if one.is_closed else _completed(one, paid, odometer_of) for one in found]


def _completed(
    trip: BookTrip,
    paid: Mapping[str, Payment],
    odometer_of: Mapping[uuid.UUID, tuple[int, int] | None],
) -> BookTrip:
    more = _more(paid.get(str(trip.trip_id)), odometer_of[trip.trip_id])
    return replace(trip, entry=replace(trip.entry, content=trip.entry.content | more))


def _more(payment: Payment | None, odometer: tuple[int, int] | None) -> dict[str, Any]:
    start_m, end_m = odometer or (None, None)
    return {
        "odometer_start_m": start_m,
        "odometer_end_m": end_m,
        "rate": payment.rate_id if payment else None,
        "amount": str(payment.amount) if payment else None,
        "currency": payment.currency if payment else None,
    }


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
