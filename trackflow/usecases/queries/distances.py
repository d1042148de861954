"""Distances of devices in days and between moments: all such sums are made here.

The API, the page, `status`, exports and Dagster all show these sums. A day is one of the zone
`TRACKFLOW_TIME_ZONE` unless another is requested; each answer names its zone. A track over midnight
counts on both days, with the part that lies in each, so that days add up to the tracks.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from trackflow.geo.calendar_days import Calendar, DayRun, begin_of
from trackflow.geo.periods import By, Period, begin_of_period, end_of_period
from trackflow.geo.time import ONE_DAY, from_us, to_us
from trackflow.store.database import Connection
from trackflow.store.days.queries import Devices
from trackflow.store.days.travel import read_travel, time_span
from trackflow.store.days.travel_rows import Per, TravelQuery, TravelRow
from trackflow.usecases.queries.limits import check_count

type Zones = Sequence[tuple[ZoneInfo, Devices]]
"""Time zones, each with the devices whose days are counted in it."""


@dataclass(slots=True)
class TravelSums:
    """Sums over tracks in some time.

    Attributes:
        length_mm: of the parts that lie in it.
        duration_us: of the same parts.
        longest_mm: the longest of these parts.
        tracks: how many have a part in it.
        trips: how many begin in it.
        top_kmh: the highest speed.
        idle_ms: halts of half a minute and more; None if they are not known.
        climb_cm: elevation gain; None if no heights are known.
    """

    length_mm: int = 0
    duration_us: int = 0
    longest_mm: int = 0
    tracks: int = 0
    trips: int = 0
    top_kmh: float = 0.0
    idle_ms: int | None = None
    climb_cm: int | None = None

    def add(self, more: "TravelSums | TravelRow") -> None:
        """Add other sums of a time that does not overlap."""
        self.length_mm += more.length_mm
        self.duration_us += more.duration_us
        self.longest_mm = max(self.longest_mm, more.longest_mm)
        self.tracks += more.tracks
        self.trips += more.trips
        self.top_kmh = max(self.top_kmh, more.top_kmh)
        self.idle_ms = _sum(self.idle_ms, more.idle_ms)
        self.climb_cm = _sum(self.climb_cm, more.climb_cm)


@dataclass(frozen=True, slots=True)
class DeviceDay:
    """A day of a device, in a time zone."""

    day: dt.date
    device_id: str
    time_zone: str


type DaySums = dict[tuple[dt.date, str | None], TravelSums]
"""Sums by day, or by the first day of a period, and by key."""


def by_day(
    connection: Connection,
    zones: Zones,
    first: dt.date | None,
    last: dt.date | None,
    most: int | None = None,
) -> dict[DeviceDay, TravelSums]:
    """The sums of devices on the days from `first` to `last`, in order; both are included.

    Args:
        connection: to the store.
        zones: the devices, by the zone of their days.
        first: the first day, None for all.
        last: the last day, None for all.
        most: more than so many days of devices are too many, None for no limit.

    Raises:
        BadInputError: there are too many days.
    """
    found: dict[DeviceDay, TravelSums] = {}
    for zone, device_ids in zones:
        sums = day_sums(connection, zone, device_ids, first, last, Per.DEVICE)
        found |= {DeviceDay(day, str(name), zone.key): one for (day, name), one in sums.items()}
        if most is not None:
            check_count(len(found), most, "days of devices")
    return {on: found[on] for on in sorted(found, key=lambda on: (on.day, on.device_id))}


def day_sums(
    connection: Connection,
    zone: ZoneInfo,
    device_ids: Devices,
    first: dt.date | None,
    last: dt.date | None,
    per: Per | None,
) -> DaySums:
    """The sums of the days from `first` to `last` on which something moved, in no order.

    Args:
        connection: to the store.
        zone: of the days.
        device_ids: of these devices, None for all.
        first: the first day, None for all.
        last: the last day, None for all.
        per: what sums are kept apart by, beside the day; None for nothing.
    """
    span = travelled_days(connection, zone, device_ids, first, last)
    return {} if span is None else period_sums(connection, zone, device_ids, span, By.DAY, per)


def travelled_days(
    connection: Connection,
    zone: ZoneInfo,
    device_ids: Devices,
    first: dt.date | None,
    last: dt.date | None,
) -> Period | None:
    """The days from `first` to `last` without those before all tracks and after them."""
    span = time_span(connection, device_ids)
    if span is None:
        return None
    begun, ended = (from_us(edge).astimezone(zone).date() for edge in span)
    found = Period(max(first or begun, begun), min(last or ended, ended))
    return found if found.first <= found.last else None


def period_sums(
    connection: Connection,
    zone: ZoneInfo,
    device_ids: Devices,
    span: Period,
    by: By,
    per: Per | None,
) -> DaySums:
    """The sums of the periods of a time, each by its first day that lies in it.

    Args:
        connection: to the store.
        zone: of the days.
        device_ids: of these devices, None for all.
        span: the time.
        by: how long the periods are.
        per: what sums are kept apart by, beside the period; None for nothing.
    """
    runs = list(_runs(Calendar(zone), span, by))
    found: DaySums = {}
    wanted = TravelQuery(device_ids, runs[0].begin_us, runs[-1].end_us, runs, per)
    for row in read_travel(connection, wanted):
        found.setdefault((dt.date.fromordinal(row.day), row.key), TravelSums()).add(row)
    return found


def _runs(calendar: Calendar, span: Period, by: By) -> Iterator[DayRun]:
    """The periods of a time: days as runs, longer ones each as if it were one day."""
    if by is By.DAY:
        edges = [to_us(begin_of(day, calendar.zone)) for day in (span.first, span.last + ONE_DAY)]
        yield from calendar.runs(*edges)
        return
    day = span.first
    while day <= span.last:
        following = min(end_of_period(begin_of_period(day, by), by), span.last) + ONE_DAY
        begin_us, end_us = (to_us(begin_of(edge, calendar.zone)) for edge in (day, following))
        yield DayRun(begin_us, end_us, day.toordinal(), end_us - begin_us)
        day = following


def between(
    connection: Connection, device_ids: Devices, start: dt.datetime, end: dt.datetime
) -> dict[str, TravelSums]:
    """The sums in `[start, end)`, by device; both are aware."""
    start_us, end_us = to_us(start), to_us(end)
    found: dict[str, TravelSums] = {}
    if start_us >= end_us:
        return found
    # the whole time as if it were one day
    runs = [DayRun(start_us, end_us, 1, end_us - start_us)]
    for row in read_travel(connection, TravelQuery(device_ids, start_us, end_us, runs, Per.DEVICE)):
        found.setdefault(str(row.key), TravelSums()).add(row)
    return dict(sorted(found.items()))


def in_zone(zone: ZoneInfo, device_ids: Devices = None) -> Zones:
    """The same zone for all devices."""
    return [(zone, device_ids)]


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
