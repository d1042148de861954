"""The trips of a book with their amendments, as they are compared with tracks."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from trackflow.mileage.entries import GONE, TRIP, amended
from trackflow.store.database import Connection
from trackflow.store.mileage import books
from trackflow.store.mileage.books import Amendment

BY_TRACKFLOW = "trackflow"
"""The name under which differences are amended by themselves."""


@dataclass(frozen=True, slots=True)
class BookTrip:
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


def book_trips(
    connection: Connection, vehicle_id: str, start: dt.datetime, end: dt.datetime
) -> list[BookTrip]:
    """What a book says about the trips of a time, in order of time.

    Args:
        connection: to the store.
        vehicle_id: whose book it is.
        start: UTC.
        end: UTC, not included.
    """
    entries = books.read_entries(connection, vehicle_id=vehicle_id, start=start, end=end)
    closed = [one.entry_id for one in entries if one.closed_at is not None]
    by_entry: dict[uuid.UUID, list[Amendment]] = {}
    for one in books.read_amendments(connection, entry_ids=closed) if closed else []:
        if one.entry_id is not None:
            by_entry.setdefault(one.entry_id, []).append(one)
    found = []
    for entry in entries:
        is_closed = entry.closed_at is not None
        trip = BookTrip(
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
        amendments = by_entry.get(entry.entry_id, [])
        found.append(_with_amendments(trip, amendments) if amendments else trip)
    found += [
        trip
        for trip in _added_trips(connection, vehicle_id)
        if trip.end_time >= start and trip.start_time < end
    ]
    return sorted(found, key=lambda trip: (trip.start_time, str(trip.trip_id)))


def _added_trips(connection: Connection, vehicle_id: str) -> list[BookTrip]:
    """The trips that amendments have added to a closed book."""
    by_trip: dict[str, list[Amendment]] = {}
    for one in books.read_amendments(connection, vehicle_id=vehicle_id, only_added=True):
        by_trip.setdefault(str(one.changes[TRIP][1]), []).append(one)
    found = []
    for trip_id, amendments in by_trip.items():
        first = amendments[0]
        trip = BookTrip(
            uuid.UUID(trip_id), None, first.vehicle_id, first.month,
            moment_of(first.changes["start_time"][1]), moment_of(first.changes["end_time"][1]),
            {}, True,
        )  # fmt: skip
        found.append(_with_amendments(trip, amendments))
    return found


def moment_of(text: str) -> dt.datetime:
    """A moment as a book writes it."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def _with_amendments(trip: BookTrip, amendments: Sequence[Amendment]) -> BookTrip:
    gone = [one.changes[GONE][1] for one in amendments if GONE in one.changes]
    by_people = {
        name for one in amendments if one.amended_by != BY_TRACKFLOW for name in one.changes
    }
    content = amended(trip.content, [one.changes for one in amendments])
    return replace(
        trip,
        content=content,
        start_time=moment_of(content["start_time"]),
        end_time=moment_of(content["end_time"]),
        is_gone=bool(gone and gone[-1]),
        by_people=frozenset(by_people),
    )
