"""Compares the books of a month with the tracks, trip by trip; it changes nothing."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.periods import month_named
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import device_key_of
from trackflow.settings import zone_named
from trackflow.store.database import Connection
from trackflow.store.mileage import books, vehicles
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.usecases.mileage.amended_trips import BookTrip
from trackflow.usecases.mileage.entries import due_in, paired, whole_trips
from trackflow.usecases.mileage.making import entries_of

SUMMED = ("distance_m", "category")
"""What the sums of a month are made of."""


@dataclass(slots=True)
class MonthSums:
    """What a vehicle's month sums up to by its book and by its tracks.

    Trips whose days wait, or whose tracks were deleted by their age, are in neither.

    Attributes:
        vehicle_id: the vehicle.
        book_m: of the trips of its book, with all amendments.
        tracks_m: of the trips that its tracks make now.
        differences: what is not equal, in words.
    """

    vehicle_id: str
    book_m: int = 0
    tracks_m: int = 0
    differences: list[str] = field(default_factory=list)


def compare_month(context: Context, month: str) -> list[MonthSums]:
    """Add up the month of each vehicle twice: by its book, and by its tracks.

    Args:
        context: the store and settings.
        month: such as 2026-11.
    """
    first, last = month_named(month)
    with context.store.read() as connection:
        # in one snapshot with the tracks: of a day that is published now, one would know only half
        due = due_in(context, connection, None, first - ONE_DAY, last + ONE_DAY)
        waiting = {(device_key_of(name), day) for name, days in due.items() for day in days}
        return [
            _compare(context, connection, vehicle, month, waiting)
            for vehicle in vehicles.read_vehicles(connection)
        ]


def _compare(
    context: Context,
    connection: Connection,
    vehicle: Vehicle,
    month: str,
    waiting: Collection[tuple[uuid.UUID, dt.date]],
) -> MonthSums:
    """Add up the month of one vehicle.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: the vehicle.
        month: such as 2026-11.
        waiting: keys of devices, and their days of which the books do not have all trips yet.
    """
    zone = zone_named(vehicle.time_zone or context.settings.time_zone)
    first, last = month_named(month)
    time = begin_of(first, zone), begin_of(last + ONE_DAY, zone)
    found, known = whole_trips(connection, vehicle, time)
    unsettled = books.unsettled(connection, found.device_ids)
    own_keys = {device_key_of(name) for name in found.device_ids}
    sums = MonthSums(vehicle.vehicle_id)
    for entry, trip in paired(entries_of(context, connection, vehicle, found), known):
        start, end = _span(entry, trip)
        days = {start.date() - ONE_DAY, start.date(), end.date(), end.date() + ONE_DAY}
        entries = [one for one in (entry, trip and trip.entry) if one]
        keys = own_keys | {one.device_key for one in entries}
        waits = any((key, day) in waiting for key in keys for day in days)
        if month not in {one.month for one in entries} or waits or unsettled.touches(start, end):
            continue
        sums.book_m += trip.content["distance_m"] if trip and not trip.is_gone else 0
        sums.tracks_m += entry.content["distance_m"] if entry else 0
        sums.differences += _differences(entry, trip)
    return sums


def _span(entry: Entry | None, trip: BookTrip | None) -> tuple[dt.datetime, dt.datetime]:
    times = [(one.start_time, one.end_time) for one in (entry, trip) if one]
    return min(start for start, _ in times), max(end for _, end in times)


def _differences(entry: Entry | None, trip: BookTrip | None) -> list[str]:
    """What the book and the tracks say differently about a trip."""
    if trip is None or trip.is_gone:
        return [] if entry is None else [f"{entry.entry_id} is not in the book"]
    if entry is None:
        return [f"{trip.trip_id} has no track"]
    found = [
        f"{trip.trip_id}: {name} is {trip.content.get(name)} in the book, and "
        f"{entry.content.get(name)} by its tracks"
        for name in SUMMED
        if name not in trip.by_people and trip.content.get(name) != entry.content.get(name)
    ]
    # as it was closed: amendments may move its start over midnight, and never to another month
    closed_day = trip.entry.content.get("local_day")
    if closed_day and closed_day[:7] != trip.entry.month:
        found.append(f"{trip.trip_id} is of {closed_day}, and not of its month")
    return found
