"""Renames devices, and merges two into one."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import from_us, midnight, to_us
from trackflow.sources.admission import fit_device
from trackflow.store.database import Connection
from trackflow.store.devices import moving, settings
from trackflow.store.intake import points as points_table
from trackflow.words import last_for_shell


@dataclass(frozen=True, slots=True)
class MoveReport:
    """The counts of a move of all points of a device to another name."""

    device_id: str
    into: str
    points: int


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge of two devices would do.

    Attributes:
        device_id: the device whose points would move.
        into: the device that would get them.
        points: number of points that would move.
        first: the time of the first of them, UTC; None if there are none.
        last: the time of the last of them, UTC.
        shared_moments: number of moments of which both have a point; the better one would stay.
    """

    device_id: str
    into: str
    points: int
    first: dt.datetime | None
    last: dt.datetime | None
    shared_moments: int


def rename(context: Context, device_id: str, new_id: str) -> MoveReport:
    """Give a device another name, whole or not at all; its settings go along.

    Raises:
        SettingsError: there is no such device, the new name is taken or invalid, or retention has
            deleted points of the device.
    """
    if not fit_device(new_id):
        raise SettingsError(f"{new_id!r} is no name: write 1 to 200 visible characters")
    with context.store.write() as connection:
        ids = settings.device_ids(connection)
        settings.known(device_id, ids)
        if new_id == device_id:
            raise SettingsError(f"the device is called {new_id!r} already")
        if new_id in ids:
            raise SettingsError(
                f"there is a device {new_id!r} already: "
                f"`trackflow device merge {last_for_shell(device_id, new_id)}` makes one of "
                "the two"
            )
        settings.lock_devices(connection, [device_id])
        _check_whole(connection, device_id)
        moving.copy_settings(connection, device_id, new_id)
        return _moved(context, connection, device_id, new_id)


def merge(context: Context, device_id: str, into: str) -> MoveReport:
    """Store all points of a device under another one's name; the other one's settings stay.

    Raises:
        SettingsError: one of them does not exist, they are the same, or points are older than
            retention keeps.
    """
    with context.store.write() as connection:
        settings.lock_devices(connection, [device_id, into])
        _check_mergeable(connection, device_id, into)
        return _moved(context, connection, device_id, into)


def preview_merge(context: Context, device_id: str, into: str) -> MergePreview:
    """What `merge` would do. Nothing is written.

    Raises:
        SettingsError: as `merge` raises it.
    """
    with context.store.read() as connection:
        _check_mergeable(connection, device_id, into)
        points, shared = moving.shared_moments(connection, device_id, into)
        span = points_table.span_us(connection, device_id)
    first, last = (from_us(span[0]), from_us(span[1])) if span else (None, None)
    return MergePreview(device_id, into, points, first, last, shared)


def _check_mergeable(connection: Connection, device_id: str, into: str) -> None:
    """Check that all points of a device can be stored under another one's name."""
    if device_id == into:
        raise SettingsError(f"{into!r} cannot be merged with itself")
    ids = settings.device_ids(connection)
    settings.known(device_id, ids)
    settings.known(into, ids)
    _check_whole(connection, device_id)
    edge, first_us = moving.kept_from(connection, into), moving.first_us(connection, device_id)
    if edge is not None and first_us is not None and first_us < to_us(midnight(edge)):
        raise SettingsError(
            f"nothing is moved: {into} takes no points before {edge} "
            "(TRACKFLOW_RETENTION_DAYS), and they would be lost"
        )


def _moved(context: Context, connection: Connection, device_id: str, into: str) -> MoveReport:
    count = moving.move(connection, device_id, into, context.clock())
    return MoveReport(device_id, into, count)


def _check_whole(connection: Connection, device_id: str) -> None:
    """Check that a device's tracks can be recomputed from its points."""
    edge = moving.kept_from(connection, device_id)
    if edge is not None:
        raise SettingsError(
            f"nothing is moved: points of {device_id} before {edge} are no longer kept "
            "(TRACKFLOW_RETENTION_DAYS), so its older tracks could not be made again"
        )
