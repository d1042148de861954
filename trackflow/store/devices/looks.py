"""How people see devices: names, colours, icons and groups. Nothing is computed from them."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import devices

d = devices.c


@dataclass(frozen=True, slots=True)
class DeviceLook:
    """How a device is shown.

    Attributes:
        name: its name; None where its id is shown.
        colour: `#rrggbb`; None where its ordinal decides.
        icon: one of `ICONS`; None without one.
        group: the group that it is in; None without one.
        ordinal: its number among the devices by the time at which they became known, from 0.
    """

    name: str | None = None
    colour: str | None = None
    icon: str | None = None
    group: str | None = None
    ordinal: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The look as JSON values."""
        return asdict(self)


class ShownDevice(NamedTuple):
    """A device with its profile, its own time zone (None for that of the settings) and its look."""

    device_id: str
    profile: str
    time_zone: str | None
    look: DeviceLook


def shown_devices(connection: Connection) -> list[ShownDevice]:
    """All devices, by id."""
    rows = connection.execute(_shown().order_by(d.device_id))
    return [
        ShownDevice(device_id, profile, time_zone, DeviceLook(*look))
        for device_id, profile, time_zone, *look in rows
    ]


def read_look(connection: Connection, device_id: str) -> DeviceLook:
    """The look of a device, which is known."""
    every = _shown().subquery()
    row = connection.execute(sa.select(every).where(every.c.device_id == device_id)).one()
    return DeviceLook(*row[3:])


def _shown() -> sa.Select[Any]:
    """Columns of a `ShownDevice`, followed by those of its look, in their order."""
    ordinal = sa.func.row_number().over(order_by=(d.created_at, d.device_id)) - 1
    look = (d.name, d.colour, d.icon, d.group_name, ordinal.label("ordinal"))
    return sa.select(d.device_id, d.profile, d.time_zone, *look)


def write_look(connection: Connection, device_id: str, look: DeviceLook) -> None:
    """Store how a device is shown; its ordinal is not stored."""
    connection.execute(
        sa.update(devices)
        .where(d.device_id == device_id)
        .values(name=look.name, colour=look.colour, icon=look.icon, group_name=look.group)
    )
