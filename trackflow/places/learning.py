"""Places learned from stays: home, work, and other spots that a device comes back to. Pure.

Stays of a device on at least three days at one spot make a place. Its id follows from its earliest
stay, so it stays while the place moves a little, grows, or becomes home; it changes only if an
earlier stay there turns up or is deleted. Of the last half year before the newest stay: the place
of most nights is home, that of most working hours is work. The clock of the machine has no part.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from trackflow.geo.calendar_days import Calendar
from trackflow.geo.distance import haversine_m, wrap_degrees
from trackflow.geo.points import Floats
from trackflow.geo.time import ONE_DAY, from_us
from trackflow.places.clusters import Cell, cell_at, group_cells
from trackflow.places.stays import Stay

LEAST_DAYS = 3
"""Stays on so many local days make a place; so many nights make a home, so many days work."""

LEAST_SHARE = 0.3
"""Home has this share of the known nights, work of the known working days: below it, several places
are equally likely."""

WINDOW = dt.timedelta(days=183)
"""Before the newest stay: people move house."""

LEAST_S = 3 * 3600.0
"""A night or a working day counts where the device stayed so long."""

NIGHT = dt.timedelta(hours=22), dt.timedelta(hours=30)
WORK_HOURS = dt.timedelta(hours=8), dt.timedelta(hours=18)
"""From midnight of the local day."""

NOISE_M = 30.0
SMALLEST_M, LARGEST_M = 75.0, 300.0
"""The radius: that of nine stays of ten, and the receiver's noise, between these."""

MOST_DAYS_OF_STAY = 366
"""Days of one stay that are looked at: a tracker in a drawer would count as years of nights."""

NAMESPACE = uuid.UUID("5d1f6a3e-2f0c-4a6e-9a53-2f6a9b1f7c10")


@dataclass(frozen=True, slots=True)
class LearnedPlace:
    """A place that a device comes back to.

    Attributes:
        place_id: its id.
        kind: home, work or other.
        name: its name until a person gives it another.
        longitude: degrees.
        latitude: degrees.
        radius_m: metres.
        confidence: 0 to 1. Of home the share of the known nights, of work the share of the working
            days away from home; two are added to these, so that a few are no certainty. Of others
            d / (d + 3) for stays on d days.
    """

    place_id: uuid.UUID
    kind: str
    name: str
    longitude: float
    latitude: float
    radius_m: float
    confidence: float


@dataclass(slots=True)
class _Spot:
    """The stays of one group."""

    stays: list[Stay] = field(default_factory=list)
    nights: set[dt.date] = field(default_factory=set)
    workdays: set[dt.date] = field(default_factory=set)
    days: set[dt.date] = field(default_factory=set)


def learn(stays: Sequence[Stay], zone: ZoneInfo, owner: str) -> list[LearnedPlace]:
    """Places of some stays, by id.

    Args:
        stays: all stays of a device, in any order.
        zone: the device's time zone.
        owner: the device's id, empty for a fleet; part of the places' ids.
    """
    ordered = sorted(set(stays), key=lambda stay: (stay.start_us, stay.longitude, stay.latitude))
    if not ordered:
        return []
    calendar = Calendar(zone)
    days = [_days_of(stay, calendar) for stay in ordered]
    cells: dict[Cell, set[dt.date]] = defaultdict(set)
    for stay, some in zip(ordered, days, strict=True):
        cells[cell_at(stay.longitude, stay.latitude)] |= some
    groups = group_cells(cells, LEAST_DAYS)
    spot_of = {cell: k for k, group in enumerate(groups) for cell in group}
    spots = [_Spot() for _ in groups]
    for stay, some in zip(ordered, days, strict=True):
        if (k := spot_of.get(cell_at(stay.longitude, stay.latitude))) is not None:
            spots[k].stays.append(stay)
            spots[k].days |= some
    known = _count_hours(ordered, spots, spot_of, zone)
    home, work = _home_and_work(spots, known)
    places = [_place(spot, spot is home, spot is work, known, owner) for spot in spots]
    return sorted(places, key=lambda place: place.place_id)


def _days_of(stay: Stay, calendar: Calendar) -> set[dt.date]:
    """The local days on which a stay was."""
    most_us = MOST_DAYS_OF_STAY * 86_400_000_000
    end_us = stay.start_us if stay.end_us is None else min(stay.end_us, stay.start_us + most_us)
    return {day for day, _, _ in calendar.split(stay.start_us, end_us)}


@dataclass(slots=True)
class _Known:
    """Nights and working days on which the device stayed anywhere long enough.

    Of a working day the indices of the spots, -1 for any other; `away` counts those with a stay
    that was not at home.
    """

    nights: set[dt.date] = field(default_factory=set)
    workdays: dict[dt.date, set[int]] = field(default_factory=lambda: defaultdict(set))
    away: int = 0


def _count_hours(
    stays: Sequence[Stay], spots: Sequence[_Spot], spot_of: dict[Cell, int], zone: ZoneInfo
) -> _Known:
    """Give each night and working day of the last half year to the spot with most of its time.

    Args:
        stays: in order of time.
        spots: the groups; their nights and working days are set.
        spot_of: the index of the group of a cell.
        zone: the device's time zone.
    """
    newest = from_us(stays[-1].start_us)
    since = newest - WINDOW
    nights: dict[dt.date, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    workdays: dict[dt.date, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for stay in stays:
        if stay.end_us is None:
            continue
        start, end = max(from_us(stay.start_us), since), from_us(stay.end_us)
        k = spot_of.get(cell_at(stay.longitude, stay.latitude), -1)
        day = (start - ONE_DAY).astimezone(zone).date()
        while start < end and day <= end.astimezone(zone).date():
            nights[day][k] += _shared_s(day, NIGHT, start, end, zone)
            if day.weekday() < 5:
                workdays[day][k] += _shared_s(day, WORK_HOURS, start, end, zone)
            day += ONE_DAY
    known = _Known()
    for day, by_spot in nights.items():
        k = min(by_spot, key=lambda k: (-by_spot[k], k))
        if by_spot[k] >= LEAST_S:
            known.nights.add(day)
            if k >= 0:
                spots[k].nights.add(day)
    for day, by_spot in workdays.items():
        for k, seconds in by_spot.items():
            if seconds >= LEAST_S:
                known.workdays[day].add(k)
                if k >= 0:
                    spots[k].workdays.add(day)
    return known


def _shared_s(
    day: dt.date,
    hours: tuple[dt.timedelta, dt.timedelta],
    start: dt.datetime,
    end: dt.datetime,
    zone: ZoneInfo,
) -> float:
    """Seconds of a stay within some hours of a local day.

    Args:
        day: local.
        hours: from its midnight.
        start: of the stay, UTC.
        end: of the stay, UTC.
        zone: of the day.
    """
    midnight = dt.datetime.combine(day, dt.time())
    first, last = ((midnight + hour).replace(tzinfo=zone).astimezone(dt.UTC) for hour in hours)
    return max((min(end, last) - max(start, first)).total_seconds(), 0.0)


def _home_and_work(spots: Sequence[_Spot], known: _Known) -> tuple[_Spot | None, _Spot | None]:
    """The spot of most nights, and the other one of most working days."""
    home = _most([(len(spot.nights), spot) for spot in spots], len(known.nights))
    k = next((k for k, spot in enumerate(spots) if spot is home), None)
    known.away = sum(bool(where - {k}) for where in known.workdays.values())
    others = [(len(spot.workdays), spot) for spot in spots if spot is not home]
    return home, _most(others, known.away)


def _most(counted: Sequence[tuple[int, _Spot]], known: int) -> _Spot | None:
    """The spot with the highest number, if that is evidence enough; of equal ones the earliest."""
    if not counted:
        return None
    count, spot = min(counted, key=lambda one: (-one[0], one[1].stays[0].start_us))
    return spot if count >= LEAST_DAYS and count >= LEAST_SHARE * known else None


def _place(spot: _Spot, is_home: bool, is_work: bool, known: _Known, owner: str) -> LearnedPlace:
    """The place of a group.

    Args:
        spot: the group.
        is_home: whether it is the home.
        is_work: whether it is where the device works.
        known: nights and working days that are known.
        owner: the device.
    """
    first = spot.stays[0]
    place_id = uuid.uuid5(NAMESPACE, f"{owner}|{cell_at(first.longitude, first.latitude)}")
    lon, lat = _centre(spot.stays)
    if is_home:
        kind, name, confidence = "home", "Home", len(spot.nights) / (len(known.nights) + 2)
    elif is_work:
        kind, name = "work", "Work"
        confidence = len(spot.workdays) / (known.away + 2)
    else:
        kind, name = "other", f"Place {place_id.hex[:4]}"
        confidence = len(spot.days) / (len(spot.days) + 3)
    radius_m = _radius_m(spot.stays, lon, lat)
    return LearnedPlace(place_id, kind, name, lon, lat, radius_m, round(confidence, 3))


def _columns(stays: Sequence[Stay]) -> tuple[Floats, Floats]:
    return (
        np.array([stay.longitude for stay in stays]),
        np.array([stay.latitude for stay in stays]),
    )


def _centre(stays: Sequence[Stay]) -> tuple[float, float]:
    """The median position, which a few stays with a bad position do not move."""
    lon, lat = _columns(stays)
    # around the first: the group may lie on both sides of the antimeridian
    east = np.median(wrap_degrees(lon - lon[0]))
    middle = float(wrap_degrees(np.array(lon[0] + east)))
    return round(middle, 6), round(float(np.median(lat)), 6)


def _radius_m(stays: Sequence[Stay], lon: float, lat: float) -> float:
    lons, lats = _columns(stays)
    apart_m = haversine_m(lons, lats, np.array([lon]), np.array([lat]))
    radius_m = float(np.percentile(apart_m, 90)) + NOISE_M
    return float(round(min(max(radius_m, SMALLEST_M), LARGEST_M)))
