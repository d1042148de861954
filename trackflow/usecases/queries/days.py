"""Distances of devices, by day and between two moments."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError
from trackflow.geo.periods import check_days
from trackflow.settings import zone_named
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.store.days.travel import own_zones
from trackflow.usecases.queries.distances import (
    DeviceDay,
    TravelSums,
    Zones,
    between,
    by_day,
    in_zone,
)
from trackflow.usecases.queries.lines import TimeRange

MOST_DAYS = 3660

MOST_DEVICE_DAYS = 200_000
"""Most days of devices in one answer: those of a fleet of a thousand in half a year."""

OWN_ZONES = "device"
"""Instead of a zone's name: that of each device, or the stated one if it has none."""


@dataclass(frozen=True, slots=True)
class DayTravel:
    """The sums of devices by day; the zone is the one of the days, or `OWN_ZONES`."""

    time_zone: str
    sums: dict[DeviceDay, TravelSums]


def read_days(
    context: Context,
    device_ids: Devices,
    first: dt.date | None,
    last: dt.date | None,
    zone: str | None = None,
) -> DayTravel:
    """Distance, time and tracks of each day on which a device moved; both ends are included.

    Args:
        context: the store and settings.
        device_ids: of these devices, None for all.
        first: the first day, None for all.
        last: the last day, None for all.
        zone: time zone of the days; None for `TRACKFLOW_TIME_ZONE`.

    Raises:
        BadInputError: the days make no sense or are too many, or there is no such zone.
    """
    check_days(first, last)
    if first and last and (last - first).days > MOST_DAYS:
        raise BadInputError(f"these are more than {MOST_DAYS:,} days: ask for fewer")
    name = zone or context.settings.time_zone
    with context.store.read() as connection:
        if name == OWN_ZONES:
            zones = _own_zones(connection, context.settings.zone, device_ids)
        else:
            zones = in_zone(requested_zone(name), device_ids)
        found = by_day(connection, zones, first, last, MOST_DEVICE_DAYS)
    return DayTravel(name, found)


def requested_zone(name: str) -> ZoneInfo:
    """The zone of a name that a caller has given.

    Raises:
        BadInputError: there is no such zone.
    """
    try:
        return zone_named(name)
    except SettingsError as error:
        raise BadInputError(f"`zone`: {error}") from None


def _own_zones(connection: Connection, stated: ZoneInfo, device_ids: Devices) -> Zones:
    """The devices by the zone that each was given, else by the stated one."""
    found: dict[ZoneInfo, list[str]] = {}
    for device_id, name in own_zones(connection, device_ids).items():
        found.setdefault(zone_named(name) if name else stated, []).append(device_id)
    return list(found.items())


def read_distances(context: Context, device_ids: Devices, when: TimeRange) -> dict[str, TravelSums]:
    """Distance, time and tracks of each device that moved in a time; parts of tracks count."""
    with context.store.read() as connection:
        return between(connection, device_ids, when.start, when.end)
