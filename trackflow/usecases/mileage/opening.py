"""Says until when a trip can be written down: for some days after its end, or since it is known.

A trip of an imported history would else be closed before a person could have looked at it.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from trackflow.mileage.open_times import Sighting, Sightings
from trackflow.store.database import Connection
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.sightings import add_sightings, read_sightings


@dataclass(frozen=True)
class Opener:
    """Opens the entries of a book, and notes since when it has known of them.

    What was seen is kept by the time of the vehicle: tracks get other ids, and devices other names.

    Attributes:
        connection: in a transaction for writing, the book locked.
        vehicle_id: whose book it is.
        now: the time, UTC.
        seen: by the book before.
        new: what it sees now.
    """

    connection: Connection
    vehicle_id: str
    now: dt.datetime
    seen: Sightings
    new: list[Sighting] = field(default_factory=list)

    @classmethod
    def read(
        cls, connection: Connection, vehicle_id: str, trips: Sequence[Entry], now: dt.datetime
    ) -> Self:
        """For some trips of a book.

        Args:
            connection: in a transaction for writing, the book locked.
            vehicle_id: whose book it is.
            trips: as the tracks make them.
            now: the time, UTC.
        """
        if not trips:
            return cls(connection, vehicle_id, now, Sightings(()))
        start = min(one.start_time for one in trips)
        end = max(one.end_time for one in trips)
        seen = Sightings(read_sightings(connection, vehicle_id, start, end))
        return cls(connection, vehicle_id, now, seen)

    def opened(self, entry: Entry) -> Entry:
        """An entry with the time at which it closes.

        Args:
            entry: of which that counts from the end of its trip.
        """
        sighting = self.seen.of(entry.start_time, entry.end_time, self.now)
        if not self.seen.has(sighting):
            self.new.append(sighting)
        late = max(sighting.first_seen - entry.end_time, dt.timedelta())
        return replace(entry, closes_at=entry.closes_at + late)

    def write(self) -> None:
        """Keep what the book has seen."""
        add_sightings(self.connection, self.vehicle_id, self.new)
