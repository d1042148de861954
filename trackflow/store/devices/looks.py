"""How people see devices: names, colours, icons and groups. Nothing is computed from them."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import is_among, listed
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


def read_looks(connection: Connection, ids: Sequence[str]) -> dict[str, DeviceLook]:
    """The looks of devices, by device; those that are not known are left out."""
    rows = connection.execute(_looks_of(connection.dialect.name), listed(connection, ids))
    return {
        row.device_id: DeviceLook(row.name, row.colour, row.icon, row.group_name, row.ordinal)
        for row in rows
    }


@functools.cache
def _looks_of(dialect: str) -> sa.Select[Any]:
    placed = sa.select(
        *(d.device_id, d.name, d.colour, d.icon, d.group_name),
        (sa.func.row_number().over(order_by=(d.created_at, d.device_id)) - 1).label("ordinal"),
    ).subquery()
    return sa.select(placed).where(is_among(dialect, placed.c.device_id))


def write_look(connection: Connection, device_id: str, look: DeviceLook) -> None:
    """Store how a device is shown; its ordinal is not stored."""
    connection.execute(
        sa.update(devices)
        .where(d.device_id == device_id)
        .values(name=look.name, colour=look.colour, icon=look.icon, group_name=look.group)
    )
