"""Makes the reports of vehicles' months."""

import itertools
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.geo.periods import month_named
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.entries import changes_shown_to
from trackflow.mileage.odometer import DrivenTrip, Reading, Stretch, stretches
from trackflow.mileage.report import (
    MonthReport,
    ReportTrip,
    for_readers,
    sums_of,
)
from trackflow.settings import zone_named
from trackflow.store.database import Connection
from trackflow.store.mileage import books, chains
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.usecases.mileage.amended_trips import (
    BookTrip,
    book_trips,
    first_trips,
    shown_reason,
    trip_of,
)
from trackflow.usecases.mileage.books import chosen_vehicles
from trackflow.usecases.mileage.closing import completed_among, readings_of
from trackflow.usecases.mileage.left_out import left_out_of


def month_reports(
    context: Context, month: str, vehicle_id: str | None = None, *, reader: str | None = None
) -> list[MonthReport]:
    """The reports of a month, by vehicle; vehicles of which there is nothing to tell have none.

    Args:
        context: the store.
        month: such as 2026-11.
        vehicle_id: only this vehicle; None for all.
        reader: a driver who sees the own private trips; None for reports.

    Raises:
        BadInputError: it is no month.
        NotFoundError: there is no such vehicle.
    """
    month_named(month)
    with context.store.read() as connection:
        chosen = chosen_vehicles(connection, vehicle_id)
        found = [_report(context, connection, vehicle, month, reader) for vehicle in chosen]
    return [one for one in found if one.trips or one.amendments or one.left_out]


def report_of(context: Context, month: str, vehicle_id: str) -> MonthReport:
    """The report of a vehicle's month.

    Raises:
        BadInputError: it is no month.
        NotFoundError: there is no such vehicle, or it has nothing to tell of the month.
    """
    found = month_reports(context, month, vehicle_id)
    if not found:
        raise NotFoundError(f"the vehicle {vehicle_id} has no trip in {month}")
    return found[0]


def _report(
    context: Context, connection: Connection, vehicle: Vehicle, month: str, reader: str | None
) -> MonthReport:
    """The report of a vehicle's month.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: the vehicle.
        month: such as 2026-11.
        reader: a driver who sees the own private trips; None for reports.
    """
    book = completed_among(connection, vehicle, first_trips(connection, vehicle.vehicle_id, month))
    mine = [one.entry for one in book if not one.is_added]
    mine.sort(key=lambda one: (one.start_time, str(one.entry_id)))
    amendments = books.read_amendments(connection, vehicle_id=vehicle.vehicle_id, month=month)
    trips = [
        ReportTrip(
            str(one.entry_id),
            one.content,
            "open" if one.closed_at is None else "closed",
            one.entry_hash,
        )
        for one in mine
    ]
    closed = [one for one in mine if one.chain_no is not None]
    last = max(closed, key=lambda one: one.chain_no or 0, default=None)
    zone = zone_named(vehicle.time_zone or context.settings.time_zone)
    missing = left_out_of(context, connection, vehicle, month_named(month))
    return MonthReport(
        vehicle.vehicle_id,
        vehicle.plate,
        vehicle.kind,
        month,
        zone,
        for_readers(trips, reader),
        for_readers([_added(one) for one in book if one.is_added], reader),
        sums_of(one.content for one in trips),
        sums_of(one.content for one in book if not one.is_gone),
        _stretches(connection, vehicle.vehicle_id, month, zone),
        _amendments(amendments, {one.entry_id: one.content for one in mine}, reader),
        None if last is None else last.entry_hash,
        chains.last_link(connection, vehicle.vehicle_id)[1] if closed else None,
        [one.shown_to(reader) for one in missing],
    )


def _stretches(
    connection: Connection, vehicle_id: str, month: str, zone: ZoneInfo
) -> list[Stretch]:
    """The stretches between odometer readings that touch a month; no other trips are read.

    Args:
        connection: to the store.
        vehicle_id: the vehicle.
        month: such as 2026-11.
        zone: of the book.
    """
    readings = readings_of(connection, vehicle_id)
    touching = [
        pair
        for pair in itertools.pairwise(readings)
        if _month(pair[0], zone) <= month <= _month(pair[1], zone)
    ]
    if not touching:
        return []
    first, last = touching[0][0], touching[-1][1]
    # a day more: late points may have moved trips
    some = book_trips(connection, vehicle_id, first.read_at - ONE_DAY, last.read_at + ONE_DAY)
    driven = [
        DrivenTrip(one.start_time, one.end_time, one.content["distance_m"])
        for one in some
        if not one.is_gone
    ]
    between = readings[readings.index(first) : readings.index(last) + 1]
    return stretches(driven, between)


def _added(trip: BookTrip) -> ReportTrip:
    status = "gone" if trip.is_gone else trip.status
    return ReportTrip(str(trip.trip_id), trip.content, status, None)


def _month(reading: Reading, zone: ZoneInfo) -> str:
    return f"{reading.read_at.astimezone(zone):%Y-%m}"


def _amendments(
    found: Sequence[books.Amendment],
    contents: Mapping[uuid.UUID | None, dict[str, Any]],
    reader: str | None,
) -> list[dict[str, Any]]:
    """Amendments in their order, without what the reader may not see of private trips."""
    by_trip: dict[uuid.UUID, list[books.Amendment]] = {}
    for one in found:
        by_trip.setdefault(trip_of(one), []).append(one)
    shown = {
        one.amendment_id: changes
        for ones in by_trip.values()
        for one, changes in zip(
            ones,
            changes_shown_to(
                contents.get(ones[0].entry_id, {}), [one.changes for one in ones], reader
            ),
            strict=True,
        )
    }
    return [_amendment(one, shown[one.amendment_id]) for one in found]


def _amendment(one: books.Amendment, changes: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        "amendment_id": str(one.amendment_id),
        "entry_id": None if one.entry_id is None else str(one.entry_id),
        "changes": changes,
        "reason": shown_reason(one, changes),
        "amended_by": one.amended_by,
        "amended_at": one.amended_at.isoformat(timespec="seconds"),
        "amendment_hash": one.amendment_hash,
    }
