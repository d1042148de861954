"""The trips of a book with their amendments, as people read them and as tracks are compared."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trackflow.geo.time import EARLIEST, LATEST
from trackflow.mileage.entries import (
    ADDRESSES,
    GONE,
    TRIP,
    amended,
    changes_shown_to,
    needs_purpose,
)
from trackflow.store.database import Connection
from trackflow.store.mileage import books
from trackflow.store.mileage.books import Amendment, Entry

BY_TRACKFLOW = "trackflow"
"""The name under which differences are amended by themselves."""


@dataclass(frozen=True)
class BookTrip:
    """A trip as the book has it: an entry, or an amendment that says what a closed book lacks.

    Attributes:
        entry: as it stands in the book; of an added trip its times, and nothing that a book says.
        amendments: in their order.
        is_added: whether a closed book lacked it, so that it stands in amendments only.
    """

    entry: Entry
    amendments: Sequence[Amendment] = ()
    is_added: bool = False

    @property
    def trip_id(self) -> uuid.UUID:
        """Of the entry, or of the trip that an amendment has added."""
        return self.entry.entry_id

    @property
    def amended_id(self) -> uuid.UUID | None:
        """The entry that its amendments are of; None for an added trip."""
        return None if self.is_added else self.entry.entry_id

    @property
    def status(self) -> str:
        """open, closed, or added: of a trip that stands in amendments only."""
        if self.is_added:
            return "added"
        return "closed" if self.is_closed else "open"

    @property
    def is_closed(self) -> bool:
        """Whether it can only be amended."""
        return self.entry.closed_at is not None

    @cached_property
    def content(self) -> dict[str, Any]:
        """With all amendments."""
        if not self.amendments:
            return self.entry.content
        return amended(self.entry.content, [one.changes for one in self.amendments])

    @cached_property
    def start_time(self) -> dt.datetime:
        """UTC, with all amendments."""
        return moment_of(self.content["start_time"]) if self.amendments else self.entry.start_time

    @cached_property
    def end_time(self) -> dt.datetime:
        """UTC, with all amendments."""
        return moment_of(self.content["end_time"]) if self.amendments else self.entry.end_time

    @property
    def is_gone(self) -> bool:
        """Whether an amendment says that it is no longer in the data."""
        return bool(self.content.get(GONE))

    @property
    def by_people(self) -> frozenset[str]:
        """What persons have amended, which stays as it is."""
        return frozenset(
            name
            for one in self.amendments
            if one.amended_by != BY_TRACKFLOW
            for name in one.changes
            if name != ADDRESSES  # it goes along with a place
        )

    def amendments_shown_to(
        self, reader: str | None
    ) -> list[tuple[Amendment, dict[str, list[Any]], str]]:
        """Each amendment with the changes and the reason that a reader sees of it.

        Args:
            reader: name of the reader; None for reports.
        """
        changes = changes_shown_to(
            self.entry.content, [one.changes for one in self.amendments], reader
        )
        return [
            (one, shown, shown_reason(one, shown))
            for one, shown in zip(self.amendments, changes, strict=True)
        ]

    @property
    def needs_purpose(self) -> bool:
        """Whether a person still has to say what it was for."""
        return not self.is_gone and needs_purpose(self.content)


def book_trips(
    connection: Connection,
    vehicle_id: str,
    start: dt.datetime = EARLIEST,
    end: dt.datetime = LATEST,
    drivers: Collection[str] | None = None,
) -> list[BookTrip]:
    """What a book says about the trips of a time, in order of time.

    Args:
        connection: to the store.
        vehicle_id: whose book it is.
        start: UTC.
        end: UTC, not included.
        drivers: no others, but for trips that have been amended.
    """
    by_trip = _by_trip(
        books.read_amendments(connection, vehicle_id=vehicle_id, between=(start, end))
    )
    entries = books.read_entries(
        connection, vehicle_id=vehicle_id, start=start, end=end, drivers=drivers
    )
    found = [BookTrip(entry, by_trip.pop(entry.entry_id, ())) for entry in entries]
    added = [_added(some) for some in by_trip.values() if some[0].entry_id is None]
    found += [one for one in added if one.end_time >= start and one.start_time < end]
    return sorted(found, key=_in_order)


def _in_order(trip: BookTrip) -> tuple[dt.datetime, str]:
    return trip.start_time, str(trip.trip_id)


def first_trips(
    connection: Connection, vehicle_id: str, month: str | None = None, limit: int | None = None
) -> list[BookTrip]:
    """The first trips of a book, or of a month of it, in order of time; no others are read.

    Args:
        connection: to the store.
        vehicle_id: whose book it is.
        month: such as 2026-11; None for all.
        limit: how many; None for all.
    """
    by_trip = _by_trip(books.read_amendments(connection, vehicle_id=vehicle_id, month=month))
    # an amendment may have moved a trip: all that are amended are read, and so many of the others
    entries = [
        entry
        for are_amended, most in ((True, None), (False, limit))
        for entry in books.read_entries(
            connection, vehicle_id=vehicle_id, month=month, are_amended=are_amended, limit=most
        )
    ]
    found = [BookTrip(entry, by_trip.pop(entry.entry_id, ())) for entry in entries]
    found += [_added(some) for some in by_trip.values() if some[0].entry_id is None]
    return sorted(found, key=_in_order)[:limit]


def questions(connection: Connection, vehicle_id: str) -> list[BookTrip]:
    """The trips of a book whose purpose a person still has to give, in order of time.

    Nobody is asked about what was closed without.
    """
    still_open = books.read_entries(connection, vehicle_id=vehicle_id, only_open=True)
    found = [*map(BookTrip, still_open), *added_trips(connection, vehicle_id)]
    return sorted((trip for trip in found if trip.needs_purpose), key=_in_order)


def added_trips(connection: Connection, vehicle_id: str) -> list[BookTrip]:
    """The trips that a closed book lacked, in the order in which they came."""
    found = books.read_amendments(connection, vehicle_id=vehicle_id, only_added=True)
    return [_added(amendments) for amendments in _by_trip(found).values()]


def read_trip(connection: Connection, trip_id: uuid.UUID) -> BookTrip | None:
    """A trip by its id; None if no book has it."""
    entry = books.read_entry(connection, trip_id)
    if entry is not None:
        return BookTrip(entry, books.read_amendments(connection, entry_id=trip_id))
    found = books.read_amendments(connection, added_id=trip_id)
    return _added(found) if found else None


def trip_of(one: Amendment) -> uuid.UUID:
    """The trip that an amendment is about: its entry, or the one that the book lacks."""
    return one.entry_id or uuid.UUID(one.changes[TRIP][1])


def shown_reason(one: Amendment, changes: Mapping[str, Sequence[Any]]) -> str:
    """Why there is an amendment, for those who see only these changes of it."""
    if one.amended_by == BY_TRACKFLOW or changes == one.changes:
        return one.reason
    return "of a private trip"  # a person's own words may say where, or to whom


def moment_of(text: str) -> dt.datetime:
    """A moment as a book writes it."""
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def _by_trip(amendments: Sequence[Amendment]) -> dict[uuid.UUID, list[Amendment]]:
    found: dict[uuid.UUID, list[Amendment]] = {}
    for one in amendments:
        found.setdefault(trip_of(one), []).append(one)
    return found


def _added(amendments: Sequence[Amendment]) -> BookTrip:
    """A trip that amendments have added to a closed book."""
    first = amendments[0]
    new = {name: value for name, (_, value) in first.changes.items()}
    entry = Entry(
        trip_of(first),
        first.vehicle_id,
        uuid.UUID(new["device_key"]),
        moment_of(new["start_time"]),
        moment_of(new["end_time"]),
        first.month,
        {},
        closes_at=first.amended_at,
        closed_at=first.amended_at,
    )
    return BookTrip(entry, amendments, is_added=True)
