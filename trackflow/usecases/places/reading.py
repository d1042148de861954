"""Places and stays for people and programs."""

import uuid
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.places.areas import PlaceStatus
from trackflow.places.geocoding import Coordinates
from trackflow.store.days.queries import Devices
from trackflow.store.places import named
from trackflow.store.places import stays as store
from trackflow.store.places.named import PlaceDecision, PlaceRow
from trackflow.store.places.stays import StayRow
from trackflow.usecases.places.addresses import addresses_at
from trackflow.usecases.queries.limits import check_count
from trackflow.usecases.queries.lines import TimeRange

__all__ = ["PlaceDecision", "PlaceRow", "StayRow"]


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay with the place that it is at, and its address.

    Attributes:
        stay: the stay.
        place: None for a stay at no known place.
        address: None where none is known (yet).
    """

    stay: StayRow
    place: PlaceRow | None
    address: str | None

    @property
    def duration_s(self) -> float | None:
        """How long it lasted; None while the device is there."""
        if self.stay.end_time is None:
            return None
        return (self.stay.end_time - self.stay.start_time).total_seconds()


def list_places(
    context: Context, device_id: str | None = None, *, with_rejected: bool = False
) -> list[PlaceRow]:
    """Places by device, kind and name.

    Args:
        context: the store.
        device_id: those of this device and of all devices; None for every place.
        with_rejected: whether rejected and merged ones are among them.
    """
    with context.store.read() as connection:
        rows = named.read_places(connection, device_id)
    shown = (PlaceStatus.LEARNED, PlaceStatus.CONFIRMED)
    found = [row for row in rows if with_rejected or row.status in shown]
    return sorted(found, key=lambda row: (row.device_id or "", row.kind, row.name, row.place_id))


def read_place(context: Context, place_id: uuid.UUID) -> tuple[PlaceRow, list[PlaceDecision]]:
    """A place and what people decided about it, the newest first.

    Raises:
        NotFoundError: there is no such place.
    """
    with context.store.read() as connection:
        row = named.read_place(connection, place_id)
        if row is None:
            raise NotFoundError(f"there is no place {place_id}; see `trackflow places list`")
        return row, named.read_decisions(connection, place_id)


def read_visits(
    context: Context, device_ids: Devices, when: TimeRange, limit: int | None = None
) -> list[Visit]:
    """Stays that overlap a time, with place and address, by device and start.

    Args:
        context: the store.
        device_ids: only these devices; None for all.
        when: the time that stays overlap.
        limit: largest number of stays; None for any number.

    Raises:
        BadInputError: there are too many.
    """
    with context.store.read() as connection:
        most = None if limit is None else limit + 1
        rows = store.read_stays(connection, device_ids, when.start, when.end, most)
        if limit is not None:
            check_count(len(rows), limit, "stays")
        places = {row.place_id: row for row in named.read_places(connection)}
    known = addresses_at(context, [Coordinates(row.longitude, row.latitude) for row in rows])
    return [
        Visit(row, None if row.place_id is None else places.get(row.place_id), address)
        for row, address in zip(rows, known, strict=True)
    ]
