"""Reads logbooks, amends them by hand, joins trips, and proves their chains."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.mileage.chain import ChainFault, faults
from trackflow.mileage.entries import shown_to
from trackflow.store.categories.trips import read_vehicles
from trackflow.store.database import Connection
from trackflow.store.mileage import books, rates, vehicles
from trackflow.store.mileage.books import Amendment
from trackflow.store.mileage.books import Entry as Entry
from trackflow.store.mileage.chains import chain, vehicles_with_links
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.usecases.changed_meanwhile import check_unchanged
from trackflow.usecases.mileage.amended_trips import (
    BY_TRACKFLOW,
    BookTrip,
    first_trips,
    questions,
    read_trip,
)
from trackflow.usecases.mileage.amending import Amender
from trackflow.usecases.mileage.closing import completed_among
from trackflow.usecases.mileage.entries import days_due
from trackflow.usecases.mileage.paid_together import are_paid_together, lock_books
from trackflow.usecases.queries.limits import check_count
from trackflow.words import category_named

__all__ = ["Amendment", "BookTrip", "Entry"]  # for faces, which do not know the store

AMENDABLE = ("category", "purpose", "partner", "driver", "start_place", "end_place")
"""What a person may amend: times and distances come from the tracks."""

MOST_ENTRIES = 20_000
"""In one answer."""


@dataclass(frozen=True, slots=True)
class BookCheck:
    """The result of checking a book.

    Attributes:
        vehicle_id: the vehicle.
        links: closed entries and amendments.
        open_entries: entries that may still change.
        last_hash: of the last link; None of an empty book.
        faults: what is wrong with the chain.
        problems: other things that are wrong, in words.
        waiting_days: days of its devices whose trips are not in it yet; that is no fault.
    """

    vehicle_id: str
    links: int
    open_entries: int
    last_hash: str | None
    faults: Sequence[ChainFault] = ()
    problems: Sequence[str] = ()
    waiting_days: int = 0

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults and not self.problems


def vehicle_named(connection: Connection, vehicle_id: str) -> Vehicle:
    """A vehicle by its id.

    Raises:
        NotFoundError: there is none.
    """
    found = {one.vehicle_id: one for one in vehicles.read_vehicles(connection)}
    if vehicle_id not in found:
        names = ", ".join(sorted(found)) or "there is none yet: `trackflow vehicles add`"
        raise NotFoundError(f"there is no vehicle {vehicle_id} ({names})")
    return found[vehicle_id]


def chosen_vehicles(connection: Connection, vehicle_id: str | None) -> list[Vehicle]:
    """A vehicle by its id; None for all of them.

    Raises:
        NotFoundError: there is no such vehicle.
    """
    if vehicle_id is None:
        return vehicles.read_vehicles(connection)
    return [vehicle_named(connection, vehicle_id)]


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some trips of books, and how many there are in all."""

    trips: Sequence[BookTrip]
    total: int


def list_entries(
    context: Context,
    *,
    vehicle_id: str | None = None,
    month: str | None = None,
    only_needing_purpose: bool = False,
) -> list[BookTrip]:
    """Trips of books with their amendments, by vehicle and time; also those that were added.

    Open ones have odometers and amounts.

    Args:
        context: the store.
        vehicle_id: of this vehicle only.
        month: of this month only, such as 2026-11.
        only_needing_purpose: open and added ones whose purpose a person still has to give.

    Raises:
        NotFoundError: there is no such vehicle.
    """
    with context.store.read() as connection:
        return [
            trip
            for vehicle in chosen_vehicles(connection, vehicle_id)
            for trip in completed_among(
                connection,
                vehicle,
                questions(connection, vehicle.vehicle_id)
                if only_needing_purpose
                else first_trips(connection, vehicle.vehicle_id, month),
            )
            if month in (None, trip.entry.month)
        ]


def entry_page(
    context: Context,
    *,
    vehicle_id: str | None = None,
    month: str | None = None,
    only_needing_purpose: bool = False,
    limit: int | None = None,
) -> EntryPage:
    """The first trips of what `list_entries` lists; no others are read.

    Those that need a purpose are in the order in which they close, of whichever vehicle: what
    closes first is asked for first.

    Args:
        context: the store.
        vehicle_id: of this vehicle only.
        month: of this month only, such as 2026-11.
        only_needing_purpose: open and added ones whose purpose a person still has to give.
        limit: how many; None for all.

    Raises:
        NotFoundError: there is no such vehicle.
        BadInputError: these are more than `MOST_ENTRIES`.
    """
    with context.store.read() as connection:
        chosen = {one.vehicle_id: one for one in chosen_vehicles(connection, vehicle_id)}
        if only_needing_purpose:
            found = [
                trip
                for name in chosen
                for trip in questions(connection, name)
                if month in (None, trip.entry.month)
            ]
            found.sort(key=lambda one: one.entry.closes_at)
            total = len(found)
        else:
            total = sum(books.count_trips(connection, name, month) for name in chosen)
        check_count(min(total, limit or total), MOST_ENTRIES, "entries")
        if only_needing_purpose:
            found = found[:limit]
        else:
            found = _first_of_all(connection, chosen, month, limit)
        made = {
            trip.trip_id: trip
            for name, vehicle in chosen.items()
            for trip in completed_among(
                connection, vehicle, [one for one in found if one.entry.vehicle_id == name]
            )
        }
        return EntryPage([made[one.trip_id] for one in found], total)


def _first_of_all(
    connection: Connection, vehicle_ids: Iterable[str], month: str | None, limit: int | None
) -> list[BookTrip]:
    """The first trips by vehicle and time, not completed.

    Args:
        connection: to the store.
        vehicle_ids: the vehicles, in their order.
        month: such as 2026-11; None for all.
        limit: how many; None for all.
    """
    found: list[BookTrip] = []
    for name in vehicle_ids:
        left = None if limit is None else limit - len(found)
        if left == 0:
            break
        found += first_trips(connection, name, month, left)
    return found


def book_versions(context: Context, vehicle_id: str | None = None) -> dict[str, str]:
    """A short text for each vehicle that changes whenever its book does, by vehicle.

    Args:
        context: the store.
        vehicle_id: only this vehicle; None for all.

    Raises:
        NotFoundError: there is no such vehicle.
    """
    with context.store.read() as connection:
        if vehicle_id is not None:
            vehicle_named(connection, vehicle_id)
        table = rates.read_rates(connection)
        together = are_paid_together(table)
        states = {
            name: repr(tuple(row))
            for name, row in books.read_states(connection, None if together else vehicle_id).items()
        }
    # amounts follow from the rates, and where books are paid together from all of them
    common = repr(table) + ("".join(states.values()) if together else "")
    return {
        name: hashlib.blake2b(f"{state}{common}".encode(), digest_size=12).hexdigest()
        for name, state in states.items()
        if vehicle_id in (None, name)
    }


def read_entry(context: Context, entry_id: uuid.UUID) -> BookTrip:
    """An entry with its amendments, or a trip that a closed book lacked, as it is listed.

    Raises:
        NotFoundError: there is none.
    """
    with context.store.read() as connection:
        found = _trip(connection, entry_id)
        vehicle = vehicle_named(connection, found.entry.vehicle_id)
        return completed_among(connection, vehicle, [found])[0]


def _trip(connection: Connection, trip_id: uuid.UUID) -> BookTrip:
    found = read_trip(connection, trip_id)
    if found is None:
        raise NotFoundError(f"there is no entry {trip_id}: see `trackflow logbook list`")
    return found


def amend_entry(
    context: Context,
    entry_id: uuid.UUID,
    values: Mapping[str, str | None],
    *,
    reason: str,
    amended_by: str,
    made_from: Mapping[str, str | None] | None = None,
) -> BookTrip:
    """Amend a closed entry by hand, or a trip that a closed book lacked.

    What the book says stays, the amendment stands beside it. Its amount follows.

    Args:
        context: the store.
        entry_id: the entry.
        values: new values by name, of `AMENDABLE`; None or an empty text empties it.
        reason: why.
        amended_by: the person.
        made_from: what the person saw of these values, as lists show them; None if not known.

    Raises:
        NotFoundError: there is no such entry.
        ChangedMeanwhileError: one of `made_from` is another by now.
        BadInputError: it is open, nothing changes, or there is no reason.
    """
    unknown = sorted(set(values) - set(AMENDABLE))
    if unknown:
        raise BadInputError(f"{unknown[0]} cannot be amended; {', '.join(AMENDABLE)} can")
    if not reason.strip():
        raise BadInputError("an amendment needs a reason")
    if amended_by == BY_TRACKFLOW:
        raise BadInputError(f"{BY_TRACKFLOW} is the name of amendments that no person made")
    # what is empty in a book is None: a form sends an empty text, a program null
    values = {name: (value or "").strip() or None for name, value in values.items()}
    if category := values.get("category"):
        values |= {"category": category_named(category)}
    with context.store.write() as connection:
        trip = _trip(connection, entry_id)
        vehicle = vehicle_named(connection, trip.entry.vehicle_id)
        lock_books(connection, [vehicle.vehicle_id])
        trip = _trip(connection, entry_id)  # as it is now that nobody else amends it
        if not trip.is_closed:
            raise BadInputError(
                "this entry is open: change its category or purpose with `trackflow categories set`"
            )
        check_unchanged(made_from, shown_to(trip.content, None), "this trip")
        amender = Amender(connection, vehicle, context.clock())
        if not amender.by_hand(trip, values, reason.strip(), amended_by):
            raise BadInputError("nothing changes: the book says so already")
        return _trip(connection, entry_id)


def verify_books(context: Context, vehicle_id: str | None = None) -> list[BookCheck]:
    """Check each book: its chain, and how many days it does not know yet.

    Args:
        context: the store.
        vehicle_id: only this vehicle; None for all.

    Raises:
        NotFoundError: there is no such vehicle.
    """
    due = days_due(context)
    found = []
    with context.store.read() as connection:
        waiting: Counter[str] = Counter()
        for device_id, assigned in read_vehicles(connection).of_devices.items():
            for name in {one.name for one in assigned}:
                waiting[name] += len(due.get(device_id, ()))
        for vehicle in chosen_vehicles(connection, vehicle_id):
            links = chain(connection, vehicle.vehicle_id)
            open_ends = books.open_ends(connection, vehicle.vehicle_id)
            problems = []
            closed = vehicle.closed_time
            if closed is not None and any(closed.has(end) for end in open_ends):
                problems.append("an entry is open although its time is closed")
            last = links[-1].link_hash if links else None
            found.append(
                BookCheck(
                    vehicle.vehicle_id,
                    len(links),
                    len(open_ends),
                    last,
                    faults(links, vehicle.chain_length),
                    problems,
                    waiting[vehicle.vehicle_id],
                )
            )
        if vehicle_id is None:
            found += _without_vehicle(connection, {one.vehicle_id for one in found})
    return found


def _without_vehicle(connection: Connection, known: Collection[str]) -> list[BookCheck]:
    """Books whose vehicle is gone: trackflow deletes none, so somebody else has."""
    found = []
    for name in sorted(vehicles_with_links(connection) - set(known)):
        links = chain(connection, name)
        problem = "there is no such vehicle any more: its row was deleted or changed"
        found.append(BookCheck(name, len(links), 0, links[-1].link_hash, faults(links), [problem]))
    return found
