"""The trips of a book with their amendments, as they are compared with tracks."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trackflow.geo.time import EARLIEST, LATEST
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
    connection: Connection,
    vehicle_id: str,
    start: dt.datetime = EARLIEST,
    end: dt.datetime = LATEST,
) -> list[BookTrip]:
    """What a book says about the trips of a time, in order of time.

    Args:
        connection: to the store.
        vehicle_id: whose book it is.
        start: UTC.
        end: UTC, not included.
    """
    by_trip: dict[uuid.UUID, list[Amendment]] = {}
    for one in books.read_amendments(connection, vehicle_id=vehicle_id, between=(start, end)):
        by_trip.setdefault(trip_of(one), []).append(one)
    found = []
    for entry in books.read_entries(connection, vehicle_id=vehicle_id, start=start, end=end):
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
        amendments = by_trip.pop(entry.entry_id, [])
        found.append(_with_amendments(trip, amendments) if amendments else trip)
    added = [_added_trip(trip_id, amendments) for trip_id, amendments in by_trip.items()]
    found += [one for one in added if one.end_time >= start and one.start_time < end]
    return sorted(found, key=lambda trip: (trip.start_time, str(trip.trip_id)))


def trip_of(one: Amendment) -> uuid.UUID:
    """The trip that an amendment is about: its entry, or the one that the book lacks."""
    return one.entry_id or uuid.UUID(one.changes[TRIP][1])


def shown_reason(one: Amendment, changes: Mapping[str, Sequence[Any]]) -> str:
    """Why there is an amendment, for those who see only these changes of it."""
    if one.amended_by == BY_TRACKFLOW or changes == one.changes:
        return one.reason
    return "of a private trip"  # a person's own words may say where, or to whom


def _added_trip(trip_id: uuid.UUID, amendments: Sequence[Amendment]) -> BookTrip:
    """A trip that amendments have added to a closed book."""
    first = amendments[0]
    trip = BookTrip(
        trip_id, None, first.vehicle_id, first.month,
        moment_of(first.changes["start_time"][1]), moment_of(first.changes["end_time"][1]),
        {}, True,
    )  # fmt: skip
    return _with_amendments(trip, amendments)


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
