"""Makes entries of the logbook from tracks, and amendments where a closed book differs from them.

An open entry is made anew from the tracks whenever they change. A closed one never changes: what
differs becomes an amendment beside it, once.
"""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from trackflow.context import Context
from trackflow.geo.time import ONE_DAY, midnight, runs_of_days
from trackflow.mileage.entries import (
    GONE,
    TRIP,
    JoinedTime,
    TripPart,
    amended,
    content_of,
    differences,
    grouped,
)
from trackflow.settings import zone_named
from trackflow.store.categories import trips
from trackflow.store.categories.trips import Assignment, TripRow, Vehicles
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, lock_devices
from trackflow.store.mileage import books, vehicles
from trackflow.store.mileage.book_trips import read_book_trips
from trackflow.store.mileage.books import Amendment, Entry
from trackflow.usecases.categories.trips import TripSources, read_sources

CODE_VERSION = "1"
"""Part of what entries are made of: change it when the same rows give other entries."""

MOST_DAYS = 31
"""Days of one transaction: it may block writers for a second, not for a minute."""

BESIDE = ONE_DAY
"""Tracks around the days are read as well: a trip may cross midnight, or be joined."""

BY_TRACKFLOW = "trackflow"
ENTRY_SPACE = uuid.UUID("6f0f3a0e-3a55-5d0e-9a8f-5a6f8f0b7f11")


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
    def counts(self) -> tuple[int, int]:
        """Changed and amended."""
        return self.changed, self.amended


def days_due(context: Context, device_id: str | None = None) -> dict[str, list[dt.date]]:
    """Days of devices whose trips are not in the book as they are now.

    Args:
        context: the store and settings.
        device_id: only this device; None for all.
    """
    with context.store.read() as connection:
        found = books.due_days(connection, _own_hashes(context, connection), device_id)
    return {one: [day for day, _ in days] for one, days in found.items()}


def update_entries(context: Context, device_id: str, days: Collection[dt.date]) -> EntriesReport:
    """Bring the book up to date for days of a device; idempotent.

    Args:
        context: the store and settings.
        device_id: the device.
        days: days of UTC; trips that touch them are compared.
    """
    report = EntriesReport()
    for first, last in runs_of_days(set(days), most=MOST_DAYS):
        with context.store.write() as connection:
            lock_devices(connection, [device_id])
            own = _own_hashes(context, connection)
            due = books.due_days(connection, own, device_id).get(device_id, [])
            still = [(day, hashed) for day, hashed in due if first <= day <= last]
            _compare(context, connection, device_id, (first, last), report)
            books.note_days(connection, device_id, still)
    return report


def _compare(
    context: Context,
    connection: Connection,
    device_id: str,
    days: tuple[dt.date, dt.date],
    report: EntriesReport,
) -> None:
    """Compare the book with the tracks of a range of days.

    Args:
        context: the settings and the clock.
        connection: in a transaction for writing, the device locked.
        device_id: the device.
        days: the first and the last one.
        report: is added to.
    """
    start, end = midnight(days[0]) - BESIDE, midnight(days[1] + ONE_DAY) + BESIDE
    joins = books.read_joins(connection, device_id)
    for join in joins:  # a joined trip is compared whole
        if join.start_time < end and join.end_time >= start:
            start, end = min(start, join.start_time), max(end, join.end_time)
    for one in _book_trips(connection, device_id, start, end):
        start, end = min(start, one.start_time), max(end, one.end_time)
    wanted = _entries(context, connection, device_id, start, end)
    known = _book_trips(connection, device_id, start, end)
    now = context.clock()
    for entry, trip in _paired(wanted, known):
        if entry is not None and trip is None:
            _add(connection, entry, now, report)
        elif trip is not None and trip.is_closed:
            _amend(connection, trip, entry, now, report)
        elif trip is not None and entry is None:
            books.drop_open(connection, trip.trip_id)
            report.changed += 1
        elif trip is not None and entry is not None and _differs(trip, entry):
            books.put_open(connection, replace(entry, entry_id=trip.trip_id), now)
            report.changed += 1


def _differs(trip: "_BookTrip", entry: Entry) -> bool:
    return (trip.content, trip.closes_at) != (entry.content, entry.closes_at)


@dataclass(frozen=True, slots=True)
class _BookTrip:
    """A trip as the book has it: an entry, or an amendment that says what a closed book lacks.

    Attributes:
        trip_id: of the entry, or of the trip that an amendment has added.
        entry_id: of the closed entry; None for an open one, or for an added trip.
        vehicle_id: whose book it is in.
        month: of its local start.
        start_time: UTC.
        end_time: UTC.
        content: with all amendments.
        is_closed: whether it can only be amended.
        closes_at: of an open one.
        is_gone: whether an amendment says that it is no longer in the data.
        by_people: what persons have amended, which stays as it is.
    """

    trip_id: uuid.UUID
    entry_id: uuid.UUID | None
    vehicle_id: str
    month: str
    start_time: dt.datetime
    end_time: dt.datetime
    content: dict[str, Any]
    is_closed: bool
    closes_at: dt.datetime | None = None
    is_gone: bool = False
    by_people: frozenset[str] = frozenset()


def _book_trips(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> list[_BookTrip]:
    """What books say about the trips of a device in a time, in order of time.

    Args:
        connection: to the store.
        device_id: the device.
        start: UTC.
        end: UTC, not included.
    """
    entries = books.read_entries(connection, device_id=device_id, start=start, end=end)
    closed = [one.entry_id for one in entries if one.closed_at is not None]
    by_entry: dict[uuid.UUID, list[Amendment]] = {}
    for one in books.read_amendments(connection, entry_ids=closed) if closed else []:
        if one.entry_id is not None:
            by_entry.setdefault(one.entry_id, []).append(one)
    found = []
    for entry in entries:
        is_closed = entry.closed_at is not None
        trip = _BookTrip(
            entry.entry_id,
            entry.entry_id if is_closed else None,
            entry.vehicle_id,
            entry.month,
            entry.start_time,
            entry.end_time,
            entry.content,
            is_closed,
            entry.closes_at,
        )
        found.append(_with_amendments(trip, by_entry.get(entry.entry_id, [])))
    for trip in _added_trips(connection):
        is_here = trip.end_time >= start and trip.start_time < end
        if is_here and trip.content.get("device_id") == device_id:
            found.append(trip)
    return sorted(found, key=lambda trip: (trip.start_time, str(trip.trip_id)))


def _added_trips(connection: Connection) -> list[_BookTrip]:
    """The trips that amendments have added to closed books."""
    by_trip: dict[str, list[Amendment]] = {}
    for one in books.read_amendments(connection, only_added=True):
        by_trip.setdefault(str(one.changes[TRIP][1]), []).append(one)
    found = []
    for trip_id, amendments in by_trip.items():
        first = amendments[0]
        trip = _BookTrip(
            uuid.UUID(trip_id), None, first.vehicle_id, first.month,
            moment_of(first.changes["start_time"][1]), moment_of(first.changes["end_time"][1]),
            {}, True,
        )  # fmt: skip
        trip = _with_amendments(trip, amendments)
        times = [moment_of(trip.content[name]) for name in ("start_time", "end_time")]
        found.append(replace(trip, start_time=times[0], end_time=times[1]))
    return found


def moment_of(text: str) -> dt.datetime:
    """A moment as a book writes it."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def _with_amendments(trip: _BookTrip, amendments: Sequence[Amendment]) -> _BookTrip:
    gone = [one.changes[GONE][1] for one in amendments if GONE in one.changes]
    by_people = {
        name for one in amendments if one.amended_by != BY_TRACKFLOW for name in one.changes
    }
    return replace(
        trip,
        content=amended(trip.content, [one.changes for one in amendments]),
        is_gone=bool(gone and gone[-1]),
        by_people=frozenset(by_people),
    )


def _paired(
    wanted: Sequence[Entry], known: Sequence[_BookTrip]
) -> list[tuple[Entry | None, _BookTrip | None]]:
    """Each trip with what the book says about it: by id, else by the time that both share.

    A late point that moves the start of a track changes its id, and not the trip.
    """
    by_id = {trip.trip_id: trip for trip in known}
    found: list[tuple[Entry | None, _BookTrip | None]] = []
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
            if trip.vehicle_id == entry.vehicle_id
            and trip.start_time <= entry.end_time
            and trip.end_time >= entry.start_time
        ]
        best = by_id.pop(sharing[0].trip_id) if sharing else None
        found.append((entry, best))
    return found + [(None, trip) for trip in by_id.values()]


def _add(connection: Connection, entry: Entry, now: dt.datetime, report: EntriesReport) -> None:
    """Put a trip into the open part of its book, or amend the closed part that lacks it.

    Args:
        connection: in a transaction for writing.
        entry: the trip.
        now: the time, UTC.
        report: is added to.
    """
    closed_until = books.lock_book(connection, entry.vehicle_id)
    if closed_until is None or entry.end_time > closed_until:
        books.put_open(connection, entry, now)
        report.changed += 1
        return
    changes = differences({}, entry.content) | {TRIP: [None, str(entry.entry_id)]}
    reason = "a trip that was not there when the book was closed"
    _write(connection, entry.vehicle_id, entry.month, None, changes, reason, now)
    report.amended += 1


def _amend(
    connection: Connection,
    trip: _BookTrip,
    entry: Entry | None,
    now: dt.datetime,
    report: EntriesReport,
) -> None:
    """Amend a closed trip by how the tracks differ from it, once.

    Args:
        connection: in a transaction for writing.
        trip: as the book has it.
        entry: as it would be made now; None if it is no longer in the data.
        now: the time, UTC.
        report: is added to.
    """
    changes: dict[str, Any] = {}
    if entry is None:
        changes = {} if trip.is_gone else {GONE: [False, True]}
        reason = "its track is no longer in the data"
    else:
        changes = {
            name: change
            for name, change in differences(trip.content, entry.content).items()
            if name not in trip.by_people and name not in (GONE, TRIP)
        }
        if trip.is_gone:
            changes[GONE] = [True, False]
        reason = "the tracks, or what they were for, have changed"
    if not changes:
        return
    books.lock_book(connection, trip.vehicle_id)
    if trip.entry_id is None:
        changes[TRIP] = [str(trip.trip_id), str(trip.trip_id)]
    _write(connection, trip.vehicle_id, trip.month, trip.entry_id, changes, reason, now)
    report.amended += 1


def _write(
    connection: Connection,
    vehicle_id: str,
    month: str,
    entry_id: uuid.UUID | None,
    changes: dict[str, Any],
    reason: str,
    now: dt.datetime,
) -> None:
    one = Amendment(uuid.uuid4(), entry_id, vehicle_id, month, changes, reason, BY_TRACKFLOW, now)
    books.add_amendment(connection, one)


def _entries(
    context: Context,
    connection: Connection,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime,
) -> list[Entry]:
    """The entries that the tracks of a time make.

    Args:
        context: the settings.
        connection: to the store.
        device_id: the device.
        start: UTC.
        end: UTC, not included.
    """
    rows = read_book_trips(connection, device_id, start, end)
    found = [TripRow._make(row[:7]) for row in rows]
    sources = read_sources(connection, (device_id,), found, context.settings.time_zone)
    known = {one.vehicle_id: one for one in vehicles.read_vehicles(connection)}
    joins = [
        JoinedTime(join.start_time, join.end_time)
        for join in books.read_joins(connection, device_id)
    ]
    by_vehicle: dict[str, list[TripPart]] = {}
    for row, trip in zip(rows, found, strict=True):
        facts = sources.facts(trip)
        if facts.vehicle is not None and facts.vehicle in known:
            zone = zone_named(known[facts.vehicle].time_zone or context.settings.time_zone)
            part = _part(row, trip, sources, zone)
            by_vehicle.setdefault(facts.vehicle, []).append(part)
    close_after = dt.timedelta(days=context.settings.close_after_days)
    entries = []
    for vehicle_id, parts in by_vehicle.items():
        one = known[vehicle_id]
        zone_name = one.time_zone or context.settings.time_zone
        for group in grouped(parts, joins):
            content = content_of(group, vehicle_id, one.plate, zone_name)
            first, last = group[0], group[-1]
            entries.append(
                Entry(
                    uuid.uuid5(ENTRY_SPACE, f"{vehicle_id}\n{device_id}\n{first.track_id}"),
                    vehicle_id,
                    device_id,
                    first.start.astimezone(dt.UTC),
                    last.end.astimezone(dt.UTC),
                    f"{first.start:%Y-%m}",
                    content,
                    last.end.astimezone(dt.UTC) + close_after,
                )
            )
    return entries


def _part(row: Any, trip: TripRow, sources: TripSources, zone: ZoneInfo) -> TripPart:
    facts = sources.facts(trip)
    return TripPart(
        device_id=row.device_id,
        track_id=str(row.track_id),
        start=row.start_time.astimezone(zone),
        end=row.end_time.astimezone(zone),
        distance_m=row.distance_m,
        matched_share=row.matched_share,
        mode=facts.main_mode,
        category=row.category,
        purpose=row.purpose,
        partner=row.partner,
        rate=row.rate,
        driver=facts.driver,
        start_place=facts.start_place.name if facts.start_place else None,
        end_place=facts.end_place.name if facts.end_place else None,
    )


def _own_hashes(context: Context, connection: Connection) -> dict[str, str]:
    """For each device in a vehicle a hash of what all its entries are made of."""
    assigned = trips.read_vehicles(connection)
    zones = {one.vehicle_id: one.time_zone for one in vehicles.read_vehicles(connection)}
    joins: dict[str, list[tuple[str, str]]] = {}
    for join in books.read_joins(connection):
        times = (join.start_time.isoformat(), join.end_time.isoformat())
        joins.setdefault(join.device_id, []).append(times)
    return {
        device_id: _own_hash(
            context, assigned, zones, assigned.of_devices[device_id], joins.get(device_id, [])
        )
        for device_id in device_ids(connection)
        if assigned.of_devices.get(device_id)
    }


def _own_hash(
    context: Context,
    assigned: Vehicles,
    zones: dict[str, str | None],
    of_device: Sequence[Assignment],
    joins: Sequence[tuple[str, str]],
) -> str:
    """A hash of what all entries of a device are made of.

    Args:
        context: the settings.
        assigned: vehicles, drivers and plates.
        zones: of the vehicles.
        of_device: the vehicles of the device.
        joins: of its tracks.
    """
    names = sorted({one.name for one in of_device})
    content = [
        CODE_VERSION,
        context.settings.time_zone,
        context.settings.close_after_days,
        [repr(one) for one in of_device],
        [
            [name, assigned.plates.get(name), repr(assigned.drivers.get(name)), zones.get(name)]
            for name in names
        ],
        list(joins),
    ]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=12).hexdigest()
