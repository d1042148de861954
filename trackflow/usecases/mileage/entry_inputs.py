"""What entries are made of beside tracks: vehicles, drivers, joins and settings, as a hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from trackflow.context import Context
from trackflow.store.categories import trips
from trackflow.store.categories.trips import Assignment, Vehicles
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids
from trackflow.store.mileage import vehicles
from trackflow.store.mileage.joins import read_joins
from trackflow.store.mileage.tables import vehicle_devices
from trackflow.usecases.mileage.making import carried_among

CODE_VERSION = "6"
"""Part of what entries are made of: change it when the same rows give other entries."""


def own_hashes(context: Context, connection: Connection, device_id: str | None) -> dict[str, str]:
    """For each device in a vehicle a hash of what all its entries are made of.

    Args:
        context: the settings.
        connection: to the store.
        device_id: only this device; None for all.
    """
    chosen = None if device_id is None else (device_id,)
    assigned = trips.read_vehicles(connection, chosen)
    known = vehicles.read_vehicles(connection)
    zones = {one.vehicle_id: one.time_zone for one in known}
    inside: dict[str, list[tuple[str, str, str]]] = {}
    for row in vehicles.read_assignments(connection, vehicle_devices):
        times = str(row.from_time), str(row.until_time)
        inside.setdefault(row.vehicle_id, []).append((row.device_id, *times))
    kinds = {one.vehicle_id: one.kind for one in known}
    joins: dict[str, list[tuple[str, str]]] = {}
    for join in read_joins(connection, device_id):
        times = (join.start_time.isoformat(), join.end_time.isoformat())
        joins.setdefault(join.device_id, []).append(times)
    in_vehicles = [
        one
        for one in (device_ids(connection) if device_id is None else [device_id])
        if assigned.of_devices.get(one)
    ]
    carried_in = {
        one: [kinds.get(at.name) for at in assigned.of_devices[one]]
        for one in carried_among(connection, in_vehicles)
    }
    return {
        one: _own_hash(
            context,
            assigned,
            zones,
            inside,
            assigned.of_devices[one],
            joins.get(one, []),
            carried_in.get(one, []),
        )
        for one in in_vehicles
    }


def _own_hash(
    context: Context,
    assigned: Vehicles,
    zones: dict[str, str | None],
    inside: Mapping[str, Sequence[tuple[str, str, str]]],
    of_device: Sequence[Assignment],
    joins: Sequence[tuple[str, str]],
    carried_in: Sequence[str | None],
) -> str:
    """A hash of what all entries of a device are made of.

    Args:
        context: the settings.
        assigned: vehicles, drivers and plates.
        zones: of the vehicles.
        inside: the devices in each vehicle: what is a double, and what people said of it, depends
            on all of them.
        of_device: the vehicles of the device.
        joins: of its tracks.
        carried_in: kinds of its vehicles, if a person carries it.
    """
    names = sorted({one.name for one in of_device})
    content = [
        CODE_VERSION,
        context.settings.time_zone,
        context.settings.close_after_days,
        context.settings.logbook_join_min,
        [repr(one) for one in of_device],
        [
            [name, assigned.plates.get(name), repr(assigned.drivers.get(name)), zones.get(name)]
            for name in names
        ],
        [sorted(inside.get(name, ())) for name in names],
        list(joins),
        *carried_in,
    ]
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=12).hexdigest()
