"""Lists the tracks of vehicles' devices that are not in the books, each with why.

A book is made of the tracks of its vehicle's devices. Those that a person carries travel without it
as well, and two devices record a trip twice: what is left out for that is listed here.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

from trackflow.categories.carried import SAID
from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.periods import By, begin_of_period, check_days, end_of_period, month_named
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import TripPart
from trackflow.mileage.left_out import LeftOutTrack
from trackflow.settings import zone_named
from trackflow.store.categories import corrections
from trackflow.store.categories.corrections import StoredCorrection
from trackflow.store.categories.trips import days_with_tracks
from trackflow.store.database import Connection
from trackflow.store.mileage.tables import vehicle_devices
from trackflow.store.mileage.vehicles import Vehicle, read_assignments
from trackflow.usecases.mileage.books import chosen_vehicles
from trackflow.usecases.mileage.entries import whole_trips
from trackflow.usecases.mileage.making import carried_among, sorted_out
from trackflow.usecases.queries.limits import check_count

type DayRange = tuple[dt.date | None, dt.date | None]
"""The first and the last day, both included; None for no limit."""


def range_wanted(
    month: str | None, first: dt.date | None = None, last: dt.date | None = None
) -> DayRange:
    """The days that a person asks about: those of a month, or from a first to a last one.

    Args:
        month: such as 2026-11; None if days are given.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.

    Raises:
        BadInputError: it is no month, both are given, or the days are none that can be asked for.
    """
    if month is not None and (first or last):
        raise BadInputError("give either a month or days, not both")
    if month is not None:
        return month_named(month)
    check_days(first, last)
    return first, last


def left_out(
    context: Context,
    days: DayRange = (None, None),
    *,
    vehicle_id: str | None = None,
    limit: int | None = None,
) -> list[LeftOutTrack]:
    """The tracks that are not in the books, by vehicle and time.

    Args:
        context: the store and settings.
        days: local days on which the tracks begin.
        vehicle_id: of this vehicle only.
        limit: of more tracks, none is given; None for any number.

    Raises:
        NotFoundError: there is no such vehicle.
        BadInputError: there are more tracks than `limit`.
    """
    found: list[LeftOutTrack] = []
    with context.store.read() as connection:
        for vehicle in chosen_vehicles(connection, vehicle_id):
            for some in _by_month(context, connection, vehicle, days):
                found += some
                if limit is not None:
                    check_count(len(found), limit, "tracks")
    return found


def left_out_of(
    context: Context, connection: Connection, vehicle: Vehicle, days: DayRange
) -> list[LeftOutTrack]:
    """The tracks that are not in the book of a vehicle, in order of time.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: whose book it is.
        days: local days on which the tracks begin.
    """
    return [one for some in _by_month(context, connection, vehicle, days) for one in some]


def _by_month(
    context: Context, connection: Connection, vehicle: Vehicle, days: DayRange
) -> Iterator[list[LeftOutTrack]]:
    """What is left out of a book, month by month: a history of years is not read at once.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: whose book it is.
        days: local days.
    """
    assigned = read_assignments(connection, vehicle_devices, vehicle.vehicle_id)
    ids = sorted({one.device_id for one in assigned})
    if len(ids) < 2 and not carried_among(connection, ids):
        return  # one device that is built in: all of its tracks are in the book
    zone = zone_named(vehicle.time_zone or context.settings.time_zone)
    first, last = days
    start = None if first is None else begin_of(first, zone)
    end = None if last is None else begin_of(last + ONE_DAY, zone)
    begun = days_with_tracks(connection, ids, start, end).values()
    # the day of a track is one of UTC, which may lie in another month than the local one
    near = {day + k * ONE_DAY for some in begun for day in some for k in (-1, 0, 1)}
    for month in sorted({begin_of_period(day, By.MONTH) for day in near}):
        begin, finish = max(month, first or month), end_of_period(month, By.MONTH)
        finish = min(finish, last or finish)
        if begin <= finish:
            time = begin_of(begin, zone), begin_of(finish + ONE_DAY, zone)
            yield _between(context, connection, vehicle, time)


def _between(
    context: Context,
    connection: Connection,
    vehicle: Vehicle,
    time: tuple[dt.datetime, dt.datetime],
) -> list[LeftOutTrack]:
    """The tracks that begin in a time and are left out of a book, in order of time.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: whose book it is.
        time: from when to when.
    """
    start, end = time
    tracks, _ = whole_trips(connection, vehicle, time)
    _, left = sorted_out(context, connection, vehicle, tracks)
    mine = [(part, reason) for part, reason in left if start <= part.start < end]
    by_people = _corrections(connection, [part for part, reason in mine if reason == SAID])
    return [
        LeftOutTrack(
            vehicle.vehicle_id, part, reason, _who_said(part, by_people) if reason == SAID else None
        )
        for part, reason in mine
    ]


def _corrections(connection: Connection, parts: Sequence[TripPart]) -> list[StoredCorrection]:
    if not parts:
        return []
    start, end = min(part.start for part in parts), max(part.end for part in parts)
    ids = sorted({part.device_id for part in parts})
    return corrections.read(connection, ids, start, end)


def _who_said(part: TripPart, by_people: Sequence[StoredCorrection]) -> str | None:
    """Who said last that a track was travelled in its mode; None if the correction is gone."""
    names = [
        one.decided_by
        for one in by_people
        if (one.device_id, one.mode) == (part.device_id, part.mode)
        and one.start_time < part.end
        and one.end_time > part.start
    ]
    return names[-1] if names else None
