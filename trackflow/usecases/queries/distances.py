"""Distances of devices in days and between moments: all such sums are made here.

The API, the page, `status`, exports and Dagster all show these sums. A day is one of the zone
`TRACKFLOW_TIME_ZONE` unless another is requested; each answer names its zone. A track over midnight
counts on both days, with the part that lies in each, so that days add up to the tracks.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from zoneinfo import ZoneInfo

from trackflow.geo.calendar_days import Calendar
from trackflow.geo.time import ONE_DAY, midnight, to_us
from trackflow.store.database import Connection
from trackflow.store.days.lengths import StoredLength, read_lengths
from trackflow.store.days.queries import Devices
from trackflow.usecases.queries.limits import check_count

type Zones = Callable[[StoredLength], ZoneInfo]
"""Gives the zone in which a track's days are counted."""


@dataclass(slots=True)
class TravelSums:
    """Sums over tracks in some time.

    Attributes:
        length_mm: of the parts that lie in it.
        duration_us: of the same parts.
        longest_mm: the longest of these parts.
        tracks: how many have a part in it.
    """

    length_mm: int = 0
    duration_us: int = 0
    longest_mm: int = 0
    tracks: int = 0

    def add(self, length_mm: int, duration_us: int) -> None:
        """Add the part of one more track."""
        self.length_mm += length_mm
        self.duration_us += duration_us
        self.longest_mm = max(self.longest_mm, length_mm)
        self.tracks += 1


@dataclass(frozen=True, slots=True)
class DeviceDay:
    """A day of a device, in a time zone."""

    day: dt.date
    device_id: str
    time_zone: str


def by_day(
    connection: Connection,
    device_ids: Devices,
    first: dt.date | None,
    last: dt.date | None,
    zones: Zones,
    most_tracks: int | None = None,
) -> dict[DeviceDay, TravelSums]:
    """The sums of devices on the days from `first` to `last`, in order; both are included.

    Args:
        connection: to the store.
        device_ids: of these devices, None for all.
        first: the first day, None for all.
        last: the last day, None for all.
        zones: the zone of each track's days.
        most_tracks: more than so many are not counted, None for no limit.

    Raises:
        BadInputError: there are too many tracks.
    """
    # zones are less than a day away from UTC
    start = None if first is None else midnight(first) - ONE_DAY
    end = None if last is None else midnight(last) + 2 * ONE_DAY
    found: defaultdict[tuple[dt.date, str, str], TravelSums] = defaultdict(TravelSums)
    calendars: dict[str, Calendar] = {}
    lengths = read_lengths(connection, device_ids, start, end)
    for track in _at_most(most_tracks, lengths):
        zone = zones(track)
        calendar = calendars.setdefault(zone.key, Calendar(zone))
        for day, low_us, high_us in calendar.split(track.length.start_us, track.length.end_us):
            if (first is None or day >= first) and (last is None or day <= last):
                found[day, track.device_id, zone.key].add(
                    track.length.between(low_us, high_us), high_us - low_us
                )
    return {
        DeviceDay(*key): travelled for key, travelled in sorted(found.items(), key=itemgetter(0))
    }


def between(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime,
    end: dt.datetime,
    most_tracks: int | None = None,
) -> dict[str, TravelSums]:
    """The sums in `[start, end)`, by device.

    Args:
        connection: to the store.
        device_ids: of these devices, None for all.
        start: aware.
        end: aware.
        most_tracks: more than so many are not counted, None for no limit.

    Raises:
        BadInputError: there are too many tracks.
    """
    start_us, end_us = to_us(start), to_us(end)
    found: defaultdict[str, TravelSums] = defaultdict(TravelSums)
    lengths = read_lengths(connection, device_ids, start, end)
    for track in _at_most(most_tracks, lengths):
        length = track.length
        low_us, high_us = max(length.start_us, start_us), min(length.end_us, end_us)
        if low_us < high_us:
            found[track.device_id].add(length.between(low_us, high_us), high_us - low_us)
    return dict(sorted(found.items()))


def in_zone(zone: ZoneInfo) -> Zones:
    """The same zone for all."""
    return lambda _: zone


def _at_most(most: int | None, lengths: Iterable[StoredLength]) -> Iterator[StoredLength]:
    for count, length in enumerate(lengths, 1):
        if most is not None:
            check_count(count, most, "tracks")
        yield length
