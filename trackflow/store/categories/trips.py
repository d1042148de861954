"""What facts about trips are made of: light rows of tracks, legs, stays, visits and vehicles.

Each query reads one table for all devices and the whole time at once: ten thousand tracks are read
in a fraction of a second.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.categories.rules.facts import PlaceFacts
from trackflow.geo.time import DAY_US, day_of_index
from trackflow.store.catalogue.tables import catalogue_tracks, catalogue_visits
from trackflow.store.categories.legs import overlapping
from trackflow.store.categories.tables import legs
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_ids import longest
from trackflow.store.mileage.tables import vehicle_devices, vehicle_drivers, vehicles
from trackflow.store.places.tables import places, stays
from trackflow.store.tables import devices, tracks
from trackflow.store.types import epoch_us

t, g, y, p = tracks.c, legs.c, stays.c, places.c


class TripRow(NamedTuple):
    """A track without its lines."""

    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    track_id: uuid.UUID
    distance_m: float
    average_speed_kmh: float
    max_speed_kmh: float


class LegRow(NamedTuple):
    """A leg of a device; a model or a person has decided its mode."""

    start_time: dt.datetime
    end_time: dt.datetime
    mode: str
    distance_m: float
    decided_by: str


class StayRow(NamedTuple):
    """A stay at a known place; its end is None while the device is there."""

    start_time: dt.datetime
    end_time: dt.datetime | None
    place: PlaceFacts


class RaceTrackRow(NamedTuple):
    """A visit to a race track, with the track's key ("source/slug") and name."""

    start_time: dt.datetime
    end_time: dt.datetime
    key: str
    name: str


class Assignment(NamedTuple):
    """What holds from a moment, included, to another, not included; None for ever."""

    from_time: dt.datetime
    until_time: dt.datetime | None
    name: str


type ByDevice[Row] = Mapping[str, list[Row]]
"""Rows by device, in order of time."""


@dataclass(frozen=True, slots=True)
class Vehicles:
    """Who drives what, and which device is in it.

    Attributes:
        of_devices: the vehicles of each device.
        drivers: the drivers of each vehicle.
        plates: the plate of each vehicle that has one.
    """

    of_devices: dict[str, list[Assignment]] = field(default_factory=dict)
    drivers: dict[str, list[Assignment]] = field(default_factory=dict)
    plates: dict[str, str] = field(default_factory=dict)


def read_trips(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None,
    end: dt.datetime | None,
    *,
    after: TripRow | None = None,
    limit: int | None = None,
) -> list[TripRow]:
    """Tracks that begin in `[start, end)`, by start and device.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware, not included; None for no limit.
        after: the last track of the part before; None for the first part.
        limit: the largest number of tracks; None for all.
    """
    query = (
        sa.select(*(t[name] for name in TripRow._fields))
        .where(*of_devices(t.device_id, device_ids))
        .order_by(t.start_time, t.device_id)
        .limit(limit)
    )
    if start is not None:
        query = query.where(t.start_time >= start)
    if end is not None:
        query = query.where(t.start_time < end)
    if after is not None:
        beside = sa.and_(t.start_time == after.start_time, t.device_id > after.device_id)
        query = query.where(
            t.start_time >= after.start_time, sa.or_(t.start_time > after.start_time, beside)
        )
    return [TripRow._make(row) for row in connection.execute(query)]


def days_with_tracks(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None,
    end: dt.datetime | None,
) -> dict[str, set[dt.date]]:
    """The days, by device, on which tracks begin that touch a time.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
    """
    query = sa.select(t.device_id, epoch_us(t.start_time)).where(
        *of_devices(t.device_id, device_ids)
    )
    if start is not None:
        # a bound on the start, so that the index on it is used
        earliest = start - longest(connection)
        query = query.where(t.start_time >= earliest, t.end_time >= start)
    if end is not None:
        query = query.where(t.start_time <= end)
    found: dict[str, set[dt.date]] = defaultdict(set)
    for device_id, start_us in connection.execute(query):
        found[device_id].add(day_of_index(start_us // DAY_US))
    return found


def read_legs(
    connection: Connection, device_ids: Devices, start: dt.datetime, end: dt.datetime
) -> ByDevice[LegRow]:
    """Legs that overlap `[start, end)`."""
    query = sa.select(g.device_id, *(g[name] for name in LegRow._fields)).where(
        *overlapping(start, end), *of_devices(g.device_id, device_ids)
    )
    rows = connection.execute(query.order_by(g.device_id, g.start_time))
    return _by_device((row[0], LegRow._make(row[1:])) for row in rows)


def read_stays(
    connection: Connection, device_ids: Devices, start: dt.datetime, end: dt.datetime
) -> ByDevice[StayRow]:
    """Stays at known places that overlap `[start, end]`."""
    kept = places.alias("kept")
    # a stay keeps its place's id when that is merged into another place
    place = sa.func.coalesce(p.merged_into, p.place_id)
    query = (
        sa.select(y.device_id, y.start_time, y.end_time, kept.c.place_id, kept.c.name, kept.c.kind)
        .join(places, p.place_id == y.place_id)
        .join(kept, kept.c.place_id == place)
        .where(
            y.start_time <= end,
            sa.or_(y.end_time.is_(None), y.end_time >= start),
            kept.c.status != "rejected",
            *of_devices(y.device_id, device_ids),
        )
        .order_by(y.device_id, y.start_time)
    )
    return _by_device(
        (row[0], StayRow(row[1], row[2], PlaceFacts(str(row[3]), row[4], row[5])))
        for row in connection.execute(query)
    )


def read_race_tracks(
    connection: Connection, device_ids: Devices, start: dt.datetime, end: dt.datetime
) -> ByDevice[RaceTrackRow]:
    """Visits to race tracks that overlap `[start, end]`."""
    v, c = catalogue_visits.c, catalogue_tracks.c
    same = sa.and_(c.source == v.source, c.slug == v.slug)
    query = (
        sa.select(v.device_id, v.start_time, v.end_time, v.source, v.slug, c.name)
        .select_from(catalogue_visits.outerjoin(catalogue_tracks, same))
        .where(v.start_time <= end, v.end_time >= start, *of_devices(v.device_id, device_ids))
        .order_by(v.device_id, v.start_time, v.source, v.slug)
    )
    return _by_device(
        (row[0], RaceTrackRow(row[1], row[2], f"{row[3]}/{row[4]}", row[5] or row[4]))
        for row in connection.execute(query)
    )


def read_vehicles(connection: Connection, device_ids: Devices = None) -> Vehicles:
    """The vehicles that devices are or were in, with their drivers; all vehicles for None."""
    found = Vehicles()
    d, r, v = vehicle_devices.c, vehicle_drivers.c, vehicles.c
    mine = of_devices(d.device_id, device_ids)
    rows = connection.execute(
        sa.select(d.device_id, d.from_time, d.until_time, d.vehicle_id)
        .where(*mine)
        .order_by(d.from_time)
    )
    for device_id, *rest in rows:
        found.of_devices.setdefault(device_id, []).append(Assignment(*rest))
    drivers = sa.select(r.vehicle_id, r.from_time, r.until_time, r.driver).order_by(r.from_time)
    plates = sa.select(v.vehicle_id, v.plate).where(v.plate.is_not(None))
    if mine:
        used = sa.select(d.vehicle_id).where(*mine)
        drivers, plates = (
            drivers.where(r.vehicle_id.in_(used)),
            plates.where(v.vehicle_id.in_(used)),
        )
    for vehicle_id, *rest in connection.execute(drivers):
        found.drivers.setdefault(vehicle_id, []).append(Assignment(*rest))
    found.plates.update((row.vehicle_id, row.plate) for row in connection.execute(plates))
    return found


def read_zones(connection: Connection, device_ids: Devices = None) -> dict[str, str | None]:
    """The own time zone of each device, None where it has none."""
    c = devices.c
    query = sa.select(c.device_id, c.time_zone).where(*of_devices(c.device_id, device_ids))
    return {row.device_id: row.time_zone for row in connection.execute(query)}


def _by_device(rows: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for device_id, row in rows:
        found[device_id].append(row)
    return found
