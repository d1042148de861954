"""What is paid for trips where a rate counts a driver's kilometres over the books of all vehicles.

Such books are locked, closed and amended together: what one of them pays depends on the others.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY, midnight
from trackflow.mileage.entries import UNPAID
from trackflow.mileage.open_times import ClosedTime
from trackflow.mileage.rates import DRIVER, PaidTrip, Payment, Rate, rate_of
from trackflow.store.database import Connection
from trackflow.store.mileage import chains, rates, vehicles
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.usecases.mileage.amended_trips import BookTrip, book_trips


def paid_trip(trip: BookTrip, kind: str, content: Any = None) -> PaidTrip:
    """A trip as rates see it.

    Args:
        trip: as the book has it.
        kind: of its vehicle.
        content: what is said of it; by default what its book says, with its amendments.
    """
    said = trip.content if content is None else content
    return PaidTrip(
        str(trip.trip_id),
        dt.date.fromisoformat(said["local_day"]),
        said.get("category"),
        trip.entry.vehicle_id,
        kind,
        said["distance_m"],
        said.get("rate"),
        said.get("driver"),
    )


def said_of_payment(payment: Payment | str | None) -> dict[str, Any]:
    """What a book says of the payment for a trip; what it is not named for stays as it was.

    Args:
        payment: for the trip; what the table of rates lacks for it; None for neither.
    """
    if isinstance(payment, Payment):
        return {
            "rate": payment.rate_id,
            "amount": str(payment.amount),
            "currency": payment.currency,
        }
    return {UNPAID: payment} if payment else {"rate": None}


def are_paid_together(table: Sequence[Rate]) -> bool:
    """Whether what a book pays depends on the others."""
    return any(rate.per == DRIVER for rate in table)


def groups(connection: Connection) -> list[list[Vehicle]]:
    """The vehicles whose books are paid together; in order, each vehicle once."""
    known = vehicles.read_vehicles(connection)
    if are_paid_together(rates.read_rates(connection)):
        return [known] if known else []
    return [[one] for one in known]


def lock_books(
    connection: Connection, vehicle_ids: Collection[str]
) -> dict[str, ClosedTime | None]:
    """Lock books, and with them those that are paid together, in one order.

    Args:
        connection: in a transaction for writing.
        vehicle_ids: the vehicles.

    Returns:
        Of what time each of the locked books is closed; None before its first closing.
    """
    return {
        one.vehicle_id: chains.lock_book(connection, one.vehicle_id)
        for group in groups(connection)
        if any(one.vehicle_id in vehicle_ids for one in group)
        for one in group
    }


def counted_beside(
    connection: Connection,
    table: Sequence[Rate],
    trips: Sequence[PaidTrip],
    *,
    without: Collection[str],
) -> list[tuple[BookTrip, PaidTrip]]:
    """The trips of other books whose kilometres count along with those of some trips.

    Args:
        connection: to the store.
        table: the rates.
        trips: of some books.
        without: the vehicles of these books.
    """
    found = [(trip, rate_of(trip, table)) for trip in trips if trip.driver is not None]
    begins = {
        (trip.driver or "", rate.year_begin(trip.day))
        for trip, rate in found
        if rate is not None and rate.per == DRIVER
    }
    if not begins:
        return []
    drivers = {name for name, _ in begins}
    # a day more: days are those of the books' zones
    since = midnight(min(day for _, day in begins)) - ONE_DAY
    return driven_by(connection, drivers, since, without=without)


def driven_by(
    connection: Connection,
    drivers: Collection[str],
    since: dt.datetime = EARLIEST,
    *,
    without: Collection[str],
) -> list[tuple[BookTrip, PaidTrip]]:
    """The trips of some drivers, as amended; those that are gone are left out.

    Args:
        connection: to the store.
        drivers: their names.
        since: trips that end later, UTC.
        without: not of the books of these vehicles.
    """
    return [
        (trip, paid_trip(trip, vehicle.kind))
        for vehicle in vehicles.read_vehicles(connection)
        if vehicle.vehicle_id not in without
        for trip in book_trips(connection, vehicle.vehicle_id, since, LATEST, drivers)
        if not trip.is_gone and trip.content.get("driver") in drivers
    ]
