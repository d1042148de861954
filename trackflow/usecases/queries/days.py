"""Distances of devices, by day and between two moments."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError
from trackflow.settings import zone_named
from trackflow.store.days.queries import Devices
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

MOST_TRACKS = 200_000
"""Most tracks in one answer; a fleet of a thousand drives so many in a month or two."""

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
        BadInputError: the days are the wrong way round or too many, so are the tracks, or there is
            no such zone.
    """
    if first is not None and last is not None:
        if first > last:
            raise BadInputError("`from` must not be later than `to`")
        if (last - first).days > MOST_DAYS:
            raise BadInputError(f"these are more than {MOST_DAYS:,} days: ask for fewer")
    name = zone or context.settings.time_zone
    zones = _zones(context, name)
    with context.store.read() as connection:
        found = by_day(connection, device_ids, first, last, zones, MOST_TRACKS)
    return DayTravel(name, found)


def _zones(context: Context, name: str) -> Zones:
    if name != OWN_ZONES:
        try:
            return in_zone(zone_named(name))
        except SettingsError as error:
            raise BadInputError(f"`zone`: {error}") from None
    stated = context.settings.zone
    return lambda track: zone_named(track.time_zone) if track.time_zone else stated


def read_distances(context: Context, device_ids: Devices, when: TimeRange) -> dict[str, TravelSums]:
    """Distance, time and tracks of each device that moved in a time; parts of tracks count.

    Raises:
        BadInputError: there are too many tracks.
    """
    with context.store.read() as connection:
        return between(connection, device_ids, when.start, when.end, MOST_TRACKS)
