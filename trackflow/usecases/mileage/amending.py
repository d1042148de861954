"""Writes amendments: each becomes a link of its book's chain, with what it changes in what is paid.

Closed entries never change; an amendment stands beside them, once for each difference.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from trackflow.mileage.entries import ADDRESSES, GONE, TRIP, UNPAID, amended, differences
from trackflow.mileage.rates import PaidTrip, PaidYears, lacking
from trackflow.store.database import Connection
from trackflow.store.mileage import chains, rates
from trackflow.store.mileage.books import Amendment, Entry
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.usecases.mileage.amended_trips import BY_TRACKFLOW, BookTrip, book_trips
from trackflow.usecases.mileage.paid_together import (
    are_paid_together,
    driven_by,
    paid_trip,
    said_of_payment,
)

type Changes = dict[str, Any]
"""Old and new value by name."""

PAID_BY = frozenset({"category", "driver", "distance_m", "local_day", GONE, TRIP})
"""A trip is paid anew where one of these changes."""


@dataclass(frozen=True)
class Amender:
    """Amends a book.

    Attributes:
        connection: in a transaction for writing, the book locked.
        vehicle: whose book it is.
        now: the time, UTC.
    """

    connection: Connection
    vehicle: Vehicle
    now: dt.datetime

    def add_trip(self, entry: Entry) -> None:
        """Amend a closed book that lacks a trip."""
        new = BookTrip(entry, is_added=True)
        changes = differences({}, entry.content) | {TRIP: [None, str(entry.entry_id)]}
        reason = "a trip that was not there when the book was closed"
        self._write(new, changes, reason, rate=entry.content["rate"])

    def follow(self, trip: BookTrip, entry: Entry | None) -> int:
        """Amend a closed trip by how the tracks differ from it; returns how many amendments.

        Args:
            trip: as the book has it.
            entry: as it would be made now; None if there is no such trip any more.
        """
        changes: Changes = {}
        rate = None
        if entry is None:
            changes = {} if trip.is_gone else {GONE: [False, True]}
            reason = "its track is no longer in the data, or was not made in the vehicle"
        else:
            changes = {
                name: change
                for name, change in differences(trip.content, _as_people_say(trip, entry)).items()
                if name not in (GONE, TRIP)
            }
            if trip.is_gone:
                changes[GONE] = [True, False]
            reason = "the tracks, or what they were for, have changed"
            rate = None if "category" in trip.by_people else entry.content["rate"]
        if changes:
            self._write(trip, changes, reason, rate=rate)
        return 1 if changes else 0

    def by_hand(
        self, trip: BookTrip, values: Mapping[str, str | None], reason: str, by: str
    ) -> bool:
        """Amend a closed trip as a person says; returns whether anything changes.

        Args:
            trip: as the book has it.
            values: new values by name.
            reason: the person's.
            by: the person.
        """
        changes: Changes = {
            name: [trip.content.get(name), value]
            for name, value in values.items()
            if trip.content.get(name) != value
        }
        if not changes:
            return False
        addresses = trip.content.get(ADDRESSES)
        if left := [name for name in addresses or () if name not in changes]:
            changes |= {ADDRESSES: [addresses, left]} if left != addresses else {}
        elif addresses:
            changes[ADDRESSES] = [addresses, None]
        self._write(trip, changes, reason, by, rate=None)
        return True

    def _write(
        self,
        trip: BookTrip,
        changes: Changes,
        reason: str,
        by: str = BY_TRACKFLOW,
        *,
        rate: str | None,
    ) -> None:
        """Add an amendment to the chain.

        Args:
            trip: as the book has it; without amendments if they add it now.
            changes: old and new value by name.
            reason: why.
            by: the person.
            rate: that rules give it now; None for that of its category.
        """
        if PAID_BY & set(changes):
            changes |= self._payment(trip, changes, rate)
        if trip.is_added and TRIP not in changes:
            changes[TRIP] = [str(trip.trip_id), str(trip.trip_id)]
        chains.add_amendment(
            self.connection,
            Amendment(
                uuid.uuid4(),
                trip.amended_id,
                trip.entry.vehicle_id,
                trip.entry.month,
                changes,
                reason,
                by,
                self.now,
            ),
        )

    def _payment(self, trip: BookTrip, changes: Changes, rate: str | None) -> Changes:
        """What changes in rate, amount and currency of a trip.

        Args:
            trip: as the book has it.
            changes: of other values.
            rate: that rules give it now; None for that of its category.
        """
        is_new = TRIP in changes and changes[TRIP][0] is None
        content = amended({} if is_new else trip.content, [changes])
        paid = None if is_new or trip.is_gone else content.get("amount")
        is_same = "category" not in changes and GONE not in changes and not is_new
        if is_same and paid is None:
            return {}  # rates that came later pay no closed trip
        content["rate"] = content.get("rate") if is_same else rate
        before = None if is_new or trip.is_gone else paid_trip(trip, self.vehicle.kind)
        after = None if content.get(GONE) else paid_trip(trip, self.vehicle.kind, content)
        self._count_drivers(before, after)
        found = self._years.amend(before, after, None if paid is None else Decimal(paid))
        if is_same and found is None:
            return {}  # its rate has left the table: it keeps what it was paid
        lacks = None if after is None else lacking(after, self._years.rates)
        nothing = {"rate": content["rate"], "amount": None, "currency": None}
        new = nothing | said_of_payment(found or lacks)
        before_values = {} if is_new else trip.content
        if UNPAID in before_values:
            new = {UNPAID: None} | new
        return {
            name: [before_values.get(name), value]
            for name, value in new.items()
            if is_new or before_values.get(name) != value
        }

    def _count_drivers(self, *trips: PaidTrip | None) -> None:
        """Count what the drivers of some trips drove in other vehicles, where rates ask for it."""
        if not are_paid_together(self._years.rates):
            return
        drivers = {one.driver for one in trips if one and one.driver} - self._drivers
        mine = {self.vehicle.vehicle_id}
        for trip, paid in driven_by(self.connection, drivers, without=mine) if drivers else ():
            if trip.is_closed:
                self._years.count(paid)
        self._drivers.update(drivers)

    @cached_property
    def _drivers(self) -> set[str]:
        """The drivers whose trips with other vehicles are counted."""
        return set()

    @cached_property
    def _years(self) -> PaidYears:
        """What closed trips sum up to: read once, and only where something is paid anew."""
        found = PaidYears(rates.read_rates(self.connection))
        if found.rates:
            for trip in book_trips(self.connection, self.vehicle.vehicle_id):
                if trip.is_closed and not trip.is_gone:
                    found.count(paid_trip(trip, self.vehicle.kind))
        return found


def _as_people_say(trip: BookTrip, entry: Entry) -> Changes:
    """What the tracks say of a trip now, but for what persons have amended."""
    found = {**entry.content, **{name: trip.content.get(name) for name in trip.by_people}}
    if addresses := [one for one in found.get(ADDRESSES) or () if one not in trip.by_people]:
        return found | {ADDRESSES: addresses}
    found.pop(ADDRESSES, None)
    return found
