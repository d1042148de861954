"""Learns places from the stays of a device, or of all; what people decided stays as it is."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.places.areas import Area, PlaceStatus, are_inside
from trackflow.places.learning import NAMESPACE, LearnedPlace, learn
from trackflow.places.stays import Stay
from trackflow.settings import zone_named
from trackflow.store.database import Connection
from trackflow.store.devices.settings import device_ids, known, lock_devices, read_device
from trackflow.store.places import named
from trackflow.store.places import stays as store
from trackflow.store.places.named import PlaceRow
from trackflow.store.places.stays import StayRow
from trackflow.usecases.places.assigning import reassign


@dataclass(slots=True)
class LearningReport:
    """The result of learning.

    Attributes:
        stays: how many stays there are.
        places: learned places.
        changed: learned places that are new, gone or different.
        moved: stays that are at another place than before.
    """

    stays: int = 0
    places: int = 0
    changed: int = 0
    moved: int = 0


def learn_places(context: Context, device_id: str) -> LearningReport:
    """Learn the places of a device from all its stays; idempotent."""
    with context.store.write() as connection:
        lock_devices(connection, [device_id])
        return learn_in(context, connection, device_id)


def learn_in(
    context: Context,
    connection: Connection,
    device_id: str,
    renamed: Collection[uuid.UUID] = (),
) -> LearningReport:
    """As `learn_places`, in a transaction of the caller, who has locked the device.

    Args:
        context: the settings and the clock.
        connection: in a transaction for writing.
        device_id: the device.
        renamed: places whose name or kind a person has changed.
    """
    device = read_device(connection, device_id)
    zone = zone_named(device.time_zone or context.settings.time_zone)
    rows = store.read_stays(connection, (device_id,))
    stored = named.read_places(connection, device_id)
    found = learn([_stay(row) for row in rows], zone, device_id)
    fixed = [row.area for row in stored if row.area.is_by_person]
    new = [_row(place, device_id) for place in without_taken(found, fixed)]
    old = {
        row.place_id: row
        for row in stored
        if row.status is PlaceStatus.LEARNED and row.device_id == device_id
    }
    changed, relabelled = _write(context, connection, old, new)
    report = LearningReport(len(rows), len(new), changed)
    report.moved = reassign(connection, device_id, rows, relabelled | set(renamed))
    return report


def learn_all(context: Context, device_id: str | None = None) -> dict[str, LearningReport]:
    """Learn the places of a device, or of each device that has stays.

    Raises:
        SettingsError: there is no such device.
    """
    with context.store.read() as connection:
        if device_id is None:
            ids = store.devices_with_stays(connection)
        else:
            ids = [known(device_id, device_ids(connection))]
    return {one: learn_places(context, one) for one in ids}


def learn_shared_places(context: Context) -> LearningReport:
    """Learn places that several devices come back to: a depot, a customer; idempotent.

    A place is shared if it is learned from the stays of all devices and holds stays of two or more
    of them. It counts for all devices, after their own places.
    """
    with context.store.read() as connection:
        ids = store.devices_with_stays(connection)
    with context.store.write() as connection:
        lock_devices(connection, ids)
        rows = store.read_stays(connection, None)
        stored = [row for row in named.read_places(connection) if row.device_id is None]
        found = shared_places(rows, context)
        fixed = [row.area for row in stored if row.area.is_by_person]
        new = [_row(place, None) for place in without_taken(found, fixed)]
        old = {row.place_id: row for row in stored if row.status is PlaceStatus.LEARNED}
        changed, renamed = _write(context, connection, old, new)
        report = LearningReport(len(rows), len(new), changed)
        by_device: dict[str, list[StayRow]] = {device_id: [] for device_id in ids}
        for row in rows:
            if row.device_id in by_device:  # a new device learns its places with its first stays
                by_device[row.device_id].append(row)
        for device_id, mine in by_device.items():
            report.moved += reassign(connection, device_id, mine, renamed)
    return report


def shared_places(rows: Sequence[StayRow], context: Context) -> list[LearnedPlace]:
    """The places that stays of several devices make; what they are to one of them is not known."""
    lon, lat = np.array([(row.longitude, row.latitude) for row in rows]).reshape(-1, 2).T
    device = np.array([row.device_id for row in rows])
    return [
        place
        for place in learn([_stay(row) for row in rows], context.settings.zone, "")
        if len(np.unique(device[are_inside(lon, lat, [_row(place, None).area])])) > 1
    ]


def without_taken(found: Sequence[LearnedPlace], fixed: Sequence[Area]) -> list[LearnedPlace]:
    """Learned places at spots about which no person has decided, under ids that are free."""
    used = {area.place_id for area in fixed}
    lon, lat = np.array([(one.longitude, one.latitude) for one in found]).reshape(-1, 2).T
    free = []
    for place, is_taken in zip(found, are_inside(lon, lat, fixed), strict=True):
        if is_taken:
            continue
        place_id = place.place_id
        while place_id in used:  # a person has moved the place that was learned here
            place_id = uuid.uuid5(NAMESPACE, str(place_id))
        free.append(replace(place, place_id=place_id))
    return free


def _write(
    context: Context,
    connection: Connection,
    old: Mapping[uuid.UUID, PlaceRow],
    new: Sequence[PlaceRow],
) -> tuple[int, set[uuid.UUID]]:
    """Write learned places; returns how many rows changed, and places with a new name or kind.

    Args:
        context: the clock.
        connection: in a transaction for writing.
        old: the learned places that are stored.
        new: those to be stored.
    """
    gone = set(old) - {row.place_id for row in new}
    written = [row for row in new if old.get(row.place_id) != row]
    named.delete_places(connection, sorted(gone))
    named.write_places(connection, written, context.clock())
    renamed = {
        row.place_id
        for row in written
        if row.place_id in old and old[row.place_id].area.label != row.area.label
    }
    return len(gone) + len(written), renamed


def _stay(row: StayRow) -> Stay:
    end_us = None if row.end_time is None else to_us(row.end_time)
    return Stay(to_us(row.start_time), end_us, row.longitude, row.latitude)


def _row(place: LearnedPlace, device_id: str | None) -> PlaceRow:
    return PlaceRow(
        place.place_id,
        device_id,
        place.name,
        place.kind,
        place.longitude,
        place.latitude,
        place.radius_m,
        PlaceStatus.LEARNED,
        place.confidence,
    )
