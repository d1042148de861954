"""Puts together what rules know about trips, from the rows of many tables."""

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from trackflow.categories.legs import PERSON
from trackflow.categories.rules.facts import PlaceFacts, TripFacts
from trackflow.categories.track_modes import (
    Travelled,
    main_mode_of,
    modes_between,
    said_mode_of,
)
from trackflow.settings import zone_named
from trackflow.store.categories import trips
from trackflow.store.categories.trips import (
    Assignment,
    ByDevice,
    LegRow,
    RaceTrackRow,
    StayRow,
    TripRow,
    Vehicles,
)
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices

BESIDE = dt.timedelta(minutes=15)
"""A stay or visit this close to an end of a track is at that end: points are minutes apart."""


class _Timed(Protocol):
    """Something that ends, or goes on."""

    @property
    def end_time(self) -> dt.datetime | None:
        """UTC."""
        ...


@dataclass(frozen=True)
class TripSources:
    """The rows that facts about the trips of a time are made of.

    Attributes:
        legs: legs of each device.
        stays: stays of each device at known places.
        race_tracks: visits of each device to race tracks.
        vehicles: vehicles and drivers.
        zones: each device's own time zone.
        default_zone: that of devices without an own one.
    """

    legs: ByDevice[LegRow]
    stays: ByDevice[StayRow]
    race_tracks: ByDevice[RaceTrackRow]
    vehicles: Vehicles
    zones: dict[str, str | None]
    default_zone: str

    @cached_property
    def _zones(self) -> dict[str, ZoneInfo]:
        return {
            device_id: zone_named(own or self.default_zone) for device_id, own in self.zones.items()
        }

    @cached_property
    def _leg_ends(self) -> dict[str, list[dt.datetime]]:
        return _ends(self.legs)

    @cached_property
    def _said_legs(self) -> ByDevice[LegRow]:
        """Those that persons decided: few, or none."""
        return {
            one: [row for row in rows if row.decided_by == PERSON]
            for one, rows in self.legs.items()
        }

    @cached_property
    def _said_ends(self) -> dict[str, list[dt.datetime]]:
        return _ends(self._said_legs)

    @cached_property
    def _stay_starts(self) -> dict[str, list[dt.datetime]]:
        return {one: [row.start_time for row in rows] for one, rows in self.stays.items()}

    def facts(self, trip: TripRow) -> TripFacts:
        """What rules know about a trip."""
        device_id = trip.device_id
        zone = self._zones[device_id]
        start_place, via, end_place = self._places(trip)
        vehicle = _at(self.vehicles.of_devices.get(device_id, ()), trip.start_time)
        modes = _modes(trip, self.legs, self._leg_ends)
        said = _modes(trip, self._said_legs, self._said_ends)
        return TripFacts(
            device_id=device_id,
            start=trip.start_time.astimezone(zone),
            end=trip.end_time.astimezone(zone),
            distance_m=trip.distance_m,
            average_speed_kmh=trip.average_speed_kmh,
            max_speed_kmh=trip.max_speed_kmh,
            driver=_at(self.vehicles.drivers.get(vehicle or "", ()), trip.start_time),
            vehicle=vehicle,
            plate=self.vehicles.plates.get(vehicle or ""),
            modes=frozenset(modes),
            main_mode=main_mode_of(modes),
            said_mode=said_mode_of(modes, said),
            start_place=start_place,
            end_place=end_place,
            via_places=via,
            race_tracks=self._race_tracks(trip),
        )

    def _places(
        self, trip: TripRow
    ) -> tuple[PlaceFacts | None, tuple[PlaceFacts, ...], PlaceFacts | None]:
        rows = self.stays.get(trip.device_id, [])
        starts = self._stay_starts.get(trip.device_id, [])
        before, via, after = stays_beside(rows, starts, trip.start_time, trip.end_time)
        return (
            None if before is None else before.place,
            tuple(stay.place for stay in via),
            None if after is None else after.place,
        )

    def _race_tracks(self, trip: TripRow) -> frozenset[str]:
        first, last = trip.start_time - BESIDE, trip.end_time + BESIDE
        return frozenset(
            name
            for visit in self.race_tracks.get(trip.device_id, ())
            if visit.start_time <= last and visit.end_time >= first
            for name in (visit.key, visit.name)
        )


def _ends(legs: ByDevice[LegRow]) -> dict[str, list[dt.datetime]]:
    return {one: [row.end_time for row in rows] for one, rows in legs.items()}


def _modes(trip: TripRow, legs: ByDevice[LegRow], ends: dict[str, list[dt.datetime]]) -> Travelled:
    """Metres and seconds of each mode of a track.

    Args:
        trip: the track.
        legs: of its device and others.
        ends: when they end.
    """
    of_device = legs.get(trip.device_id, [])
    return modes_between(of_device, ends.get(trip.device_id, []), trip.start_time, trip.end_time)


def stays_beside[Row: _Timed](
    rows: Sequence[Row], starts: Sequence[dt.datetime], start: dt.datetime, end: dt.datetime
) -> tuple[Row | None, list[Row], Row | None]:
    """The stay from which a trip came, those on its way, and that to which it went.

    Args:
        rows: stays of its device, in order of time.
        starts: when they begin.
        start: of the trip.
        end: of the trip.
    """
    following = bisect_right(starts, start)
    before = rows[following - 1] if following else None
    if before is not None and before.end_time is not None:
        before = before if before.end_time >= start - BESIDE else None
    via: list[Row] = []
    for stay in rows[following : bisect_right(starts, end + BESIDE, following)]:
        if stay.end_time is None or stay.end_time >= end:
            return before, via, stay
        via.append(stay)
    return before, via, None


def read_sources(
    connection: Connection,
    device_ids: Devices,
    found: Sequence[TripRow],
    default_zone: str,
) -> TripSources:
    """Read what facts about some trips are made of.

    Args:
        connection: to the store.
        device_ids: the devices of the trips; None for all.
        found: the trips.
        default_zone: the time zone of devices without an own one.
    """
    nowhere = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    first = min((trip.start_time for trip in found), default=nowhere) - BESIDE
    last = max((trip.end_time for trip in found), default=nowhere) + BESIDE
    return TripSources(
        trips.read_legs(connection, device_ids, first, last),
        trips.read_stays(connection, device_ids, first, last),
        trips.read_race_tracks(connection, device_ids, first, last),
        trips.read_vehicles(connection, device_ids),
        trips.read_zones(connection, device_ids),
        default_zone,
    )


def _at(assignments: Sequence[Assignment], moment: dt.datetime) -> str | None:
    """What holds at a moment: the assignment that began last."""
    for one in reversed(assignments):
        if one.from_time <= moment and (one.until_time is None or moment < one.until_time):
            return one.name
    return None
