"""Vehicles, their devices, drivers and odometers: what persons say about them."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.mileage.odometer import Reading, check_reading
from trackflow.settings import zone_named
from trackflow.store.devices.settings import device_ids, known
from trackflow.store.mileage import vehicles
from trackflow.store.mileage.chains import lock_book
from trackflow.store.mileage.tables import vehicle_devices, vehicle_drivers
from trackflow.store.mileage.vehicles import Vehicle as Vehicle
from trackflow.usecases.mileage.books import vehicle_named
from trackflow.usecases.mileage.closing import readings_of

__all__ = ["Vehicle"]  # for faces, which do not know the store

KINDS = ("car", "van", "lorry", "motorcycle", "bicycle", "other")


def save_vehicle(
    context: Context,
    vehicle_id: str,
    *,
    kind: str | None = None,
    plate: str | None = None,
    time_zone: str | None = None,
) -> Vehicle:
    """Add a vehicle, or change one; what is not given stays as it is.

    Args:
        context: the store.
        vehicle_id: its id.
        kind: one of `KINDS`; a new one is a car without it.
        plate: its number plate; "" for none.
        time_zone: of its book; "" takes that of the settings.

    Raises:
        BadInputError: the id is empty, or there is no such kind.
        SettingsError: there is no such time zone.
    """
    name = vehicle_id.strip()
    if not name or "\0" in name:
        raise BadInputError("a vehicle needs an id")
    if kind not in (None, *KINDS):
        raise BadInputError(f"{kind!r} is no kind of vehicle; there are {', '.join(KINDS)}")
    if time_zone:
        zone_named(time_zone)
    texts = {"plate": plate, "time_zone": time_zone}
    changes: dict[str, Any] = {"kind": kind} if kind else {}
    changes |= {key: text or None for key, text in texts.items() if text is not None}
    with context.store.write() as connection:
        vehicles.save_vehicle(connection, name, changes, context.clock())
        return vehicle_named(connection, name)


def list_vehicles(context: Context) -> list[Vehicle]:
    """All vehicles, by id."""
    with context.store.read() as connection:
        return vehicles.read_vehicles(connection)


def put_device(
    context: Context,
    vehicle_id: str,
    device_id: str,
    from_time: dt.datetime | None = None,
    until_time: dt.datetime | None = None,
) -> None:
    """Say that a device is in a vehicle, from a moment to another.

    Args:
        context: the store.
        vehicle_id: the vehicle.
        device_id: the device.
        from_time: aware; None for the beginning.
        until_time: aware; None for ever.

    Raises:
        NotFoundError: there is no such vehicle.
        SettingsError: there is no such device.
        BadInputError: the time ends before it begins, or another vehicle is said to have it from
            that moment on.
    """
    _check_times(from_time, until_time)
    with context.store.write() as connection:
        vehicle_named(connection, vehicle_id)
        known(device_id, device_ids(connection))
        other = vehicles.assign_device(connection, device_id, vehicle_id, from_time, until_time)
        if other is not None:
            raise BadInputError(
                f"{device_id} is said to be in {other} from that moment on: take that back first"
            )


def put_driver(
    context: Context,
    vehicle_id: str,
    driver: str,
    from_time: dt.datetime | None = None,
    until_time: dt.datetime | None = None,
) -> None:
    """Say who drives a vehicle, from a moment to another.

    Args:
        context: the store.
        vehicle_id: the vehicle.
        driver: name of the driver.
        from_time: aware; None for the beginning.
        until_time: aware; None for ever.

    Raises:
        NotFoundError: there is no such vehicle.
        BadInputError: the time ends before it begins, the name is empty, or somebody else is said
            to drive it from that moment on.
    """
    _check_times(from_time, until_time)
    if not driver.strip():
        raise BadInputError("a driver needs a name")
    with context.store.write() as connection:
        vehicle_named(connection, vehicle_id)
        driver = driver.strip()
        other = vehicles.assign_driver(connection, vehicle_id, driver, from_time, until_time)
        if other is not None:
            raise BadInputError(
                f"{other} is said to drive {vehicle_id} from that moment on: take that back first"
            )


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """What a person said about a vehicle: a device in it, or its driver.

    Attributes:
        vehicle_id: the vehicle.
        name: the device, or the driver.
        from_time: UTC; None for the beginning.
        until_time: UTC; None for ever.
    """

    vehicle_id: str
    name: str
    from_time: dt.datetime | None
    until_time: dt.datetime | None


def list_devices(context: Context, vehicle_id: str | None = None) -> list[AssignmentRow]:
    """The devices of vehicles, by vehicle and time."""
    return _assignments(context, vehicle_devices, "device_id", vehicle_id)


def list_drivers(context: Context, vehicle_id: str | None = None) -> list[AssignmentRow]:
    """The drivers of vehicles, by vehicle and time."""
    return _assignments(context, vehicle_drivers, "driver", vehicle_id)


def _assignments(
    context: Context, table: Any, name: str, vehicle_id: str | None
) -> list[AssignmentRow]:
    with context.store.read() as connection:
        if vehicle_id is not None:
            vehicle_named(connection, vehicle_id)
        rows = vehicles.read_assignments(connection, table, vehicle_id)
    return [
        AssignmentRow(
            row.vehicle_id,
            row._mapping[name],
            None if row.from_time == vehicles.ALWAYS else row.from_time,
            row.until_time,
        )
        for row in rows
    ]


def undo_device(
    context: Context, vehicle_id: str, device_id: str, from_time: dt.datetime | None = None
) -> None:
    """Take back that a device is in a vehicle from a moment on.

    Args:
        context: the store.
        vehicle_id: the vehicle.
        device_id: the device.
        from_time: as it was said, aware; None for the beginning.

    Raises:
        NotFoundError: that was not said.
    """
    of_row = {"vehicle_id": vehicle_id, "device_id": device_id}
    with context.store.write() as connection:
        if not vehicles.undo_assignment(connection, vehicle_devices, of_row, from_time):
            raise NotFoundError(
                f"{device_id} is not in {vehicle_id} from that moment on: see "
                "`trackflow vehicles assignments`"
            )


def undo_driver(
    context: Context,
    vehicle_id: str,
    from_time: dt.datetime | None = None,
    driver: str | None = None,
) -> None:
    """Take back who drives a vehicle from a moment on.

    Args:
        context: the store.
        vehicle_id: the vehicle.
        from_time: as it was said, aware; None for the beginning.
        driver: who that was, so that nobody else is taken back; None for whoever it is.

    Raises:
        NotFoundError: that was not said.
    """
    of_row = {"vehicle_id": vehicle_id} | ({"driver": driver} if driver else {})
    with context.store.write() as connection:
        if not vehicles.undo_assignment(connection, vehicle_drivers, of_row, from_time):
            raise NotFoundError(
                f"{vehicle_id} has no {driver or 'driver'} from that moment on: see "
                "`trackflow vehicles assignments`"
            )


def add_reading(
    context: Context,
    vehicle_id: str,
    read_at: dt.datetime,
    odometer_m: int,
    *,
    recorded_by: str,
    is_replaced: bool = False,
) -> uuid.UUID:
    """Store what a person read from an odometer; returns the reading's id.

    Args:
        context: the store.
        vehicle_id: the vehicle.
        read_at: aware.
        odometer_m: metres.
        recorded_by: the person.
        is_replaced: whether it is the first one of another odometer.

    Raises:
        NotFoundError: there is no such vehicle.
        BadInputError: it shows less than before, or more than after.
    """
    with context.store.write() as connection:
        vehicle_named(connection, vehicle_id)
        lock_book(connection, vehicle_id)  # of two people, the second sees what the first has read
        readings = readings_of(connection, vehicle_id)
        check_reading(Reading(read_at, odometer_m), readings, is_replaced=is_replaced)
        now = context.clock()
        return vehicles.add_reading(connection, vehicle_id, read_at, odometer_m, recorded_by, now)


def undo_reading(context: Context, reading_id: uuid.UUID) -> None:
    """Let a reading count no more.

    Raises:
        NotFoundError: there is none.
    """
    with context.store.write() as connection:
        if not vehicles.undo_reading(connection, reading_id, context.clock()):
            raise NotFoundError(
                f"there is no reading {reading_id} that counts; see `trackflow vehicles readings`"
            )


def list_readings(context: Context, vehicle_id: str | None = None) -> list[dict[str, Any]]:
    """Readings that count, by vehicle and time; None for all vehicles.

    Raises:
        NotFoundError: there is no such vehicle.
    """
    with context.store.read() as connection:
        if vehicle_id is not None:
            vehicle_named(connection, vehicle_id)
        return [dict(row._mapping) for row in vehicles.read_readings(connection, vehicle_id)]


def _check_times(from_time: dt.datetime | None, until_time: dt.datetime | None) -> None:
    if from_time is not None and until_time is not None and until_time <= from_time:
        raise BadInputError("a time ends after it begins")
