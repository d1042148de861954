"""The devices: where they were last, and what is stored of them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.store.devices.looks import DeviceLook, ShownDevice, shown_devices
from trackflow.store.devices.summaries import summaries
from trackflow.store.intake.edge_points import EdgePoint, both_edges


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
        known = shown_devices(connection)
        first, last = both_edges(connection, [one.device_id for one in known])
    return [
        _state(one, context.settings.time_zone, first.get(one.device_id), last.get(one.device_id))
        for one in known
    ]


def _state(
    device: ShownDevice, time_zone: str, first: EdgePoint | None, last: EdgePoint | None
) -> DeviceState:
    return DeviceState(
        device_id=device.device_id,
        profile=device.profile,
        time_zone=device.time_zone or time_zone,
        first_time=first and first.recorded_at,
        last_time=last and last.recorded_at,
        longitude=last and last.longitude,
        latitude=last and last.latitude,
        look=device.look,
    )


def summarize_devices(context: Context) -> list[dict[str, Any]]:
    """All devices with settings, number of points, first and last one, and the last report."""
    with context.store.read() as connection:
        return summaries(connection)
