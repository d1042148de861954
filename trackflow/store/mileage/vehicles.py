"""Vehicles, which device is in them and who drives them, and what their odometers show."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.mileage.open_times import ClosedTime
from trackflow.store.decided import undo_row
from trackflow.store.dialects import insert_into
from trackflow.store.mileage.tables import (
    odometer_readings,
    vehicle_devices,
    vehicle_drivers,
    vehicles,
)

v, o = vehicles.c, odometer_readings.c

ALWAYS = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
"""Stands for "from the beginning" in keys; not the first day, which some zones would leave."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle.

    Attributes:
        vehicle_id: its id.
        plate: its number plate.
        kind: car, van, lorry, motorcycle, bicycle or other.
        time_zone: of its book; None for that of the settings.
        retired_at: UTC; None while it is in use.
        closed_until: until when its book is closed, UTC; None before the first closing.
        created_at: UTC.
        chain_length: number of the last link of its book.
        closed_from: from when on its book is closed, UTC; None from the beginning.
    """

    vehicle_id: str
    plate: str | None
    kind: str
    time_zone: str | None
    retired_at: dt.datetime | None
    closed_until: dt.datetime | None
    created_at: dt.datetime
    chain_length: int = 0
    closed_from: dt.datetime | None = None

    @property
    def closed_time(self) -> ClosedTime | None:
        """The time of which its book is closed; None before the first closing."""
        if self.closed_until is None:
            return None
        return ClosedTime(self.closed_from, self.closed_until)


def read_vehicles(connection: Connection) -> list[Vehicle]:
    """All vehicles, by id."""
    query = sa.select(*(v[name] for name in Vehicle.__dataclass_fields__)).order_by(v.vehicle_id)
    return [Vehicle(*row) for row in connection.execute(query)]


def save_vehicle(
    connection: Connection, vehicle_id: str, changes: dict[str, Any], now: dt.datetime
) -> None:
    """Add a vehicle, or change one; what of its book is closed is not touched.

    Args:
        connection: in a transaction for writing.
        vehicle_id: its id.
        changes: values of columns; a new one is a car where they do not say a kind.
        now: the time, UTC.
    """
    new = {"kind": "car", "created_at": now} | changes
    row = insert_into(connection, vehicles).values(vehicle_id=vehicle_id, **new)
    known = ["vehicle_id"]
    connection.execute(
        row.on_conflict_do_update(index_elements=known, set_=changes)
        if changes
        else row.on_conflict_do_nothing(index_elements=known)
    )


def claim_reminder(connection: Connection, vehicle_id: str, until: dt.datetime) -> bool:
    """Note until when people are reminded of trips that close; returns whether that is new.

    Args:
        connection: in a transaction for writing.
        vehicle_id: the vehicle.
        until: when the last of the trips closes, UTC.
    """
    done = connection.execute(
        sa.update(vehicles)
        .where(
            v.vehicle_id == vehicle_id,
            sa.or_(v.reminded_until.is_(None), v.reminded_until < until),
        )
        .values(reminded_until=until)
    )
    return done.rowcount > 0


def assign(
    connection: Connection,
    table: sa.Table,
    owner: tuple[str, str],
    value: tuple[str, str],
    from_time: dt.datetime | None,
    until_time: dt.datetime | None,
) -> str | None:
    """Say what holds from a moment on: the vehicle of a device, or the driver of a vehicle.

    Returns what else is said to hold from that very moment on; then nothing is written.

    Args:
        connection: in a transaction for writing.
        table: `vehicle_devices` or `vehicle_drivers`.
        owner: name and value of the column that it is about.
        value: name and value of the column that holds.
        from_time: UTC; None for the beginning.
        until_time: UTC; None for ever.
    """
    row = insert_into(connection, table).values(
        **{owner[0]: owner[1], value[0]: value[1]},
        from_time=from_time or ALWAYS,
        until_time=until_time,
    )
    done = connection.execute(
        row.on_conflict_do_update(
            index_elements=[owner[0], "from_time"],
            set_={"until_time": until_time},
            where=table.c[value[0]] == value[1],
        ).returning(table.c.from_time)
    )
    if done.first() is not None:
        return None
    same = table.c[owner[0]] == owner[1], table.c.from_time == (from_time or ALWAYS)
    return str(connection.execute(sa.select(table.c[value[0]]).where(*same)).scalar_one())


def assign_device(
    connection: Connection,
    device_id: str,
    vehicle_id: str,
    from_time: dt.datetime | None,
    until_time: dt.datetime | None,
) -> str | None:
    """Say in which vehicle a device is; returns another one that it is said to be in from then on.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        vehicle_id: the vehicle.
        from_time: UTC; None for the beginning.
        until_time: UTC; None for ever.
    """
    owner, value = ("device_id", device_id), ("vehicle_id", vehicle_id)
    return assign(connection, vehicle_devices, owner, value, from_time, until_time)


def assign_driver(
    connection: Connection,
    vehicle_id: str,
    driver: str,
    from_time: dt.datetime | None,
    until_time: dt.datetime | None,
) -> str | None:
    """Say who drives a vehicle; returns another one who is said to drive it from then on.

    Args:
        connection: in a transaction for writing.
        vehicle_id: the vehicle.
        driver: name of the driver.
        from_time: UTC; None for the beginning.
        until_time: UTC; None for ever.
    """
    owner, value = ("vehicle_id", vehicle_id), ("driver", driver)
    return assign(connection, vehicle_drivers, owner, value, from_time, until_time)


def read_assignments(
    connection: Connection, table: sa.Table, vehicle_id: str | None = None
) -> list[sa.Row[Any]]:
    """What holds from when until when, by vehicle and time.

    Args:
        connection: to the store.
        table: `vehicle_devices` or `vehicle_drivers`.
        vehicle_id: of this vehicle only.
    """
    query = sa.select(table).order_by(table.c.vehicle_id, table.c.from_time)
    if vehicle_id is not None:
        query = query.where(table.c.vehicle_id == vehicle_id)
    return list(connection.execute(query))


def undo_assignment(
    connection: Connection,
    table: sa.Table,
    values: dict[str, str],
    from_time: dt.datetime | None,
) -> bool:
    """Let an assignment hold no more; returns whether it held.

    Args:
        connection: in a transaction for writing.
        table: `vehicle_devices` or `vehicle_drivers`.
        values: of its columns, by name.
        from_time: UTC; None for the beginning.
    """
    same = [table.c[name] == value for name, value in values.items()]
    done = connection.execute(
        sa.delete(table).where(table.c.from_time == (from_time or ALWAYS), *same)
    )
    return done.rowcount > 0


def kinds_of_devices(connection: Connection) -> dict[str, str]:
    """The kind of the vehicle that each device is in for good, by device."""
    d = vehicle_devices.c
    query = (
        sa.select(d.device_id, v.kind)
        .join(vehicles, v.vehicle_id == d.vehicle_id)
        .where(d.until_time.is_(None))
        .order_by(d.from_time)
    )
    return {row.device_id: row.kind for row in connection.execute(query)}


def add_reading(
    connection: Connection,
    vehicle_id: str,
    read_at: dt.datetime,
    odometer_m: int,
    recorded_by: str,
    now: dt.datetime,
) -> uuid.UUID:
    """Store what a person read from an odometer; returns the reading's id.

    Args:
        connection: in a transaction for writing.
        vehicle_id: the vehicle.
        read_at: UTC.
        odometer_m: metres.
        recorded_by: the person.
        now: the time, UTC.
    """
    reading_id = uuid.uuid4()
    connection.execute(
        sa.insert(odometer_readings).values(
            reading_id=reading_id,
            vehicle_id=vehicle_id,
            read_at=read_at,
            odometer_m=odometer_m,
            recorded_by=recorded_by,
            recorded_at=now,
        )
    )
    return reading_id


def undo_reading(connection: Connection, reading_id: uuid.UUID, now: dt.datetime) -> bool:
    """Let a reading count no more; returns whether it counted before."""
    return undo_row(connection, o.reading_id, reading_id, now)


def read_readings(connection: Connection, vehicle_id: str | None = None) -> list[sa.Row[Any]]:
    """Readings that count, by vehicle and time."""
    query = (
        sa.select(odometer_readings)
        .where(o.undone_at.is_(None))
        .order_by(o.vehicle_id, o.read_at, o.recorded_at)
    )
    if vehicle_id is not None:
        query = query.where(o.vehicle_id == vehicle_id)
    return list(connection.execute(query))
