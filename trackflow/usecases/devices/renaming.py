"""Lists devices, renames them, and merges two into one."""

from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import midnight, to_us
from trackflow.sources.admission import fit_device
from trackflow.store.database import Connection
from trackflow.store.devices import moving, settings


@dataclass(frozen=True, slots=True)
class MoveReport:
    """The counts of a move of all points of a device to another name."""

    device_id: str
    into: str
    points: int


def list_devices(context: Context) -> list[dict[str, Any]]:
    """All devices with settings, number of points, first and last one, and the last report."""
    with context.store.read() as connection:
        return moving.summaries(connection)


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
        if new_id in ids:
            raise SettingsError(
                f"there is a device {new_id!r} already: "
                f"`trackflow device merge {device_id} {new_id}` makes one of the two"
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
    if device_id == into:
        raise SettingsError(f"{into!r} cannot be merged with itself")
    with context.store.write() as connection:
        ids = settings.device_ids(connection)
        settings.known(device_id, ids)
        settings.known(into, ids)
        settings.lock_devices(connection, [device_id, into])
        _check_whole(connection, device_id)
        edge, first_us = moving.kept_from(connection, into), moving.first_us(connection, device_id)
        if edge is not None and first_us is not None and first_us < to_us(midnight(edge)):
            raise SettingsError(
                f"nothing is moved: {into} takes no points before {edge} "
                "(TRACKFLOW_RETENTION_DAYS), and they would be lost"
            )
        return _moved(context, connection, device_id, into)


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
