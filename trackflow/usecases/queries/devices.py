"""The devices with their last positions."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.store.days import queries
from trackflow.store.devices.looks import DeviceLook, read_looks


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device, and where it was last.

    Attributes:
        device_id: its id.
        profile: car, bicycle or foot.
        time_zone: the zone of its days: its own, or that of the settings.
        first_time: of its first point; None if it has none.
        last_time: of its last point; None if it has none.
        longitude: of its last point, degrees.
        latitude: of its last point, degrees.
        look: how it is shown.
    """

    device_id: str
    profile: str
    time_zone: str
    first_time: dt.datetime | None
    last_time: dt.datetime | None
    longitude: float | None
    latitude: float | None
    look: DeviceLook


def list_devices(context: Context) -> list[DeviceState]:
    """All devices, by id."""
    with context.store.read() as connection:
        rows = queries.device_rows(connection)
        looks = read_looks(connection, [row.device_id for row in rows])
    return [
        DeviceState(
            device_id=row.device_id,
            profile=row.profile,
            time_zone=row.time_zone or context.settings.time_zone,
            first_time=row.first_time,
            last_time=row.last_time,
            longitude=row.longitude,
            latitude=row.latitude,
            look=looks[row.device_id],
        )
        for row in rows
    ]
