"""Makes the entries of a vehicle's book from the tracks of all devices that were in it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from zoneinfo import ZoneInfo

from trackflow.categories.carried import is_carried, why_left_out
from trackflow.categories.rules.facts import TripFacts
from trackflow.context import Context
from trackflow.mileage.entries import TripPart, content_of, device_key_of
from trackflow.mileage.grouping import DOUBLE, JoinedTime, grouped, without_doubles
from trackflow.settings import zone_named
from trackflow.store.categories.trips import TripRow
from trackflow.store.database import Connection
from trackflow.store.devices.settings import read_devices
from trackflow.store.mileage import vehicles
from trackflow.store.mileage.book_trips import read_book_trips
from trackflow.store.mileage.books import Entry
from trackflow.store.mileage.joins import read_joins
from trackflow.store.mileage.tables import vehicle_devices
from trackflow.store.mileage.vehicles import Vehicle
from trackflow.store.places.addresses import StayAddress, addresses_of_stays
from trackflow.usecases.categories.trips import BESIDE, read_sources, stays_beside

ENTRY_SPACE = uuid.UUID("6f0f3a0e-3a55-5d0e-9a8f-5a6f8f0b7f11")


@dataclass(frozen=True, slots=True)
class VehicleTracks:
    """The tracks of devices that were in a vehicle.

    Attributes:
        device_ids: the devices, that which was put in first before the others; of the same moment
            one that is built in before one that a person carries.
        rows: tracks of each device, in order of time.
        joins: joined times of each device that touch the time.
    """

    device_ids: tuple[str, ...]
    rows: dict[str, list[Any]]
    joins: dict[str, list[JoinedTime]]

    @property
    def spans(self) -> list[tuple[dt.datetime, dt.datetime]]:
        """The times of tracks and joins."""
        tracks = [(row.start_time, row.end_time) for rows in self.rows.values() for row in rows]
        return tracks + [(one.start, one.end) for some in self.joins.values() for one in some]


def read_tracks(
    connection: Connection, vehicle: Vehicle, start: dt.datetime, end: dt.datetime
) -> VehicleTracks:
    """The tracks of a vehicle's devices that overlap `[start, end)`.

    Args:
        connection: to the store.
        vehicle: the vehicle.
        start: UTC.
        end: UTC, not included.
    """
    begun: dict[str, dt.datetime] = {}
    for one in vehicles.read_assignments(connection, vehicle_devices, vehicle.vehicle_id):
        begun.setdefault(one.device_id, one.from_time)  # the first one: they are in order of time
    carried = carried_among(connection, list(begun))
    ids = tuple(sorted(begun, key=lambda one: (begun[one], one in carried, one)))
    joins = {
        one: [
            JoinedTime(join.start_time, join.end_time)
            for join in read_joins(connection, one)
            if join.start_time < end and join.end_time >= start
        ]
        for one in ids
    }
    rows = {one: read_book_trips(connection, one, start, end) for one in ids}
    return VehicleTracks(ids, rows, joins)


def entries_of(
    context: Context, connection: Connection, vehicle: Vehicle, found: VehicleTracks
) -> list[Entry]:
    """The entries that tracks make, in order of time; what two devices recorded is there once.

    They close as if the book had had each trip when it ended; an `Opener` knows better.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: the vehicle.
        found: the tracks of its devices.
    """
    zone_name = vehicle.time_zone or context.settings.time_zone
    close_after = dt.timedelta(days=context.settings.close_after_days)
    parts, _ = sorted_out(context, connection, vehicle, found)
    entries = []
    for device_id in found.device_ids:
        mine = [part for part in parts if part.device_id == device_id]
        for group in grouped(mine, found.joins[device_id], 60 * context.settings.logbook_join_min):
            first, last = group[0], group[-1]
            end = last.end.astimezone(dt.UTC)
            entries.append(
                Entry(
                    uuid.uuid5(ENTRY_SPACE, f"{vehicle.vehicle_id}\n{first.track_id}"),
                    vehicle.vehicle_id,
                    device_key_of(device_id),
                    first.start.astimezone(dt.UTC),
                    end,
                    f"{first.start:%Y-%m}",
                    content_of(group, vehicle.vehicle_id, vehicle.plate, zone_name),
                    end + close_after,
                )
            )
    return sorted(entries, key=lambda one: (one.start_time, str(one.entry_id)))


def sorted_out(
    context: Context, connection: Connection, vehicle: Vehicle, found: VehicleTracks
) -> tuple[list[TripPart], list[tuple[TripPart, str]]]:
    """The tracks of a vehicle's book, and those that are left out of it, each with why.

    Both together are all tracks that began while their device was assigned to the vehicle.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: the vehicle.
        found: tracks of its devices.
    """
    inside: list[TripPart] = []
    left_out: list[tuple[TripPart, str]] = []
    for part, why in _parts(context, connection, vehicle, found):
        if why is None:
            inside.append(part)
        else:
            left_out.append((part, why))
    kept = without_doubles(inside)
    ids = {part.track_id for part in kept}
    left_out += [(part, DOUBLE) for part in inside if part.track_id not in ids]
    return kept, sorted(left_out, key=lambda one: (one[0].start, one[0].track_id))


def _parts(
    context: Context, connection: Connection, vehicle: Vehicle, found: VehicleTracks
) -> list[tuple[TripPart, str | None]]:
    """The tracks that began while their device was assigned to the vehicle, by rank of the device.

    A device that a person carries is not in it all the time: each with why it was not.

    Args:
        context: the settings.
        connection: to the store.
        vehicle: the vehicle.
        found: tracks of its devices.
    """
    zone = zone_named(vehicle.time_zone or context.settings.time_zone)
    rows = [row for device_id in found.device_ids for row in found.rows[device_id]]
    made = [TripRow._make(row[:7]) for row in rows]
    sources = read_sources(connection, found.device_ids, made, context.settings.time_zone)
    addresses = {
        device_id: _Addresses.read(connection, device_id, found.rows[device_id])
        for device_id in found.device_ids
    }
    presets = _presets(connection, found.device_ids)
    return [
        (
            _part(row, facts, zone, addresses[row.device_id].of(row)),
            why_left_out(
                presets.get(row.device_id), vehicle.kind, facts.max_speed_kmh, facts.said_mode
            ),
        )
        for row, trip in zip(rows, made, strict=True)
        if (facts := sources.facts(trip)).vehicle == vehicle.vehicle_id
    ]


def carried_among(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of some devices that people carry."""
    return {name for name, preset in _presets(connection, ids).items() if is_carried(preset)}


def _presets(connection: Connection, ids: Sequence[str]) -> dict[str, str | None]:
    return {name: device.preset for name, device in read_devices(connection, ids).items()}


@dataclass(frozen=True, slots=True)
class _Addresses:
    """The addresses of a device's stays."""

    rows: list[StayAddress]
    starts: list[dt.datetime]

    @classmethod
    def read(cls, connection: Connection, device_id: str, tracks: Sequence[Any]) -> Self:
        """Those beside some tracks."""
        if not tracks:
            return cls([], [])
        first = min(row.start_time for row in tracks) - BESIDE
        last = max(row.end_time for row in tracks) + BESIDE
        rows = addresses_of_stays(connection, device_id, first, last)
        return cls(rows, [row.start_time for row in rows])

    def of(self, track: Any) -> tuple[str | None, str | None]:
        """The addresses of a track's start and end; None where they are not known."""
        before, _, after = stays_beside(self.rows, self.starts, track.start_time, track.end_time)
        return before and before.address, after and after.address


def _part(
    row: Any, facts: TripFacts, zone: ZoneInfo, addresses: tuple[str | None, str | None]
) -> TripPart:
    """A track as the book sees it; where it is at no known place, its address stands there."""
    start, end = addresses
    start_place = facts.start_place.name if facts.start_place else None
    end_place = facts.end_place.name if facts.end_place else None
    said = {name for name, (by, _) in (row.origins or {}).items() if by != "rule"}
    used = {
        "start_place": start_place is None and start is not None,
        "end_place": end_place is None and end is not None,
    }
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
        start_place=start_place or start,
        end_place=end_place or end,
        addresses=frozenset(name for name, is_used in used.items() if is_used),
        said=frozenset(said if facts.said_mode is None else {*said, "mode"}),
    )
