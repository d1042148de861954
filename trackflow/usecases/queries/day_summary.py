"""The stored numbers and lines of each day. Only reads.

The numbers describe a day's present state, not the work of the last run, so they can be plotted
over days.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.points import Floats
from trackflow.store.database import Connection
from trackflow.store.days import day_sums
from trackflow.store.days.segments import moving_devices, read_days
from trackflow.store.roads import polylines as lines
from trackflow.usecases.queries.distances import by_day, in_zone

MOST_VERTICES = 300_000
"""Most vertices in a picture of a day: more would not be visible, but take time."""


@dataclass(frozen=True, slots=True, eq=False)
class DayLine:
    """A line of a day. `raw` ones could not be matched to roads."""

    device_id: str
    lon: Floats
    lat: Floats
    raw: bool = False


@dataclass(slots=True)
class SegmentNumbers:
    """The numbers of a day's segments, and of its points by class.

    Attributes:
        devices: number of devices with points.
        points: number of points.
        segments: number of segments.
        raw_distance_mm: length of all segments along their points, in millimetres.
        points_on_track: points in segments.
        points_in_stops: points of stays.
        points_dropped: points that cleaning has dropped.
        seconds: computing time of the stage.
    """

    devices: int = 0
    points: int = 0
    segments: int = 0
    raw_distance_mm: int = 0
    points_on_track: int = 0
    points_in_stops: int = 0
    points_dropped: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class MatchNumbers:
    """The numbers of a day's windows.

    Attributes:
        windows: number of windows.
        raw_windows: those of them that follow no road.
        points: number of points in windows.
        driven_s: seconds driven in all windows.
        matched_s: seconds driven in parts that lie on roads.
        seconds: computing time of the stage.
    """

    windows: int = 0
    raw_windows: int = 0
    points: int = 0
    driven_s: float = 0.0
    matched_s: float = 0.0
    seconds: float = 0.0

    @property
    def matched_share(self) -> float | None:
        """Share of the time driven whose line lies on roads; None if nothing was driven."""
        return self.matched_s / self.driven_s if self.driven_s else None


@dataclass(slots=True)
class TrackNumbers:
    """The numbers of the tracks' parts in a day of the stated time zone.

    Attributes:
        tracks: number of tracks that touch the day.
        devices: number of devices that moved.
        distance_mm: of the parts that lie in the day.
        duration_us: of the same parts.
        longest_mm: the longest of these parts.
        seconds: computing time of merging.
    """

    tracks: int = 0
    devices: int = 0
    distance_mm: int = 0
    duration_us: int = 0
    longest_mm: int = 0
    seconds: float = 0.0


def segment_numbers(
    context: Context, first: dt.date, last: dt.date
) -> defaultdict[dt.date, SegmentNumbers]:
    """The numbers of the days from `first` to `last` that have any."""
    found: defaultdict[dt.date, SegmentNumbers] = defaultdict(SegmentNumbers)
    with context.store.read() as connection:
        for sums in day_sums.ledger_sums(connection, first, last):
            found[sums.day] = SegmentNumbers(
                devices=sums.devices,
                points=sums.points,
                points_on_track=sums.on_track,
                points_in_stops=sums.in_stops,
                points_dropped=sums.dropped,
            )
        for cut in day_sums.segment_sums(connection, first, last):
            found[cut.day].segments = cut.segments
            found[cut.day].raw_distance_mm = cut.length_mm
        for day, seconds in day_sums.stage_seconds(connection, "segment_ms", first, last).items():
            found[day].seconds = seconds
    return found


def match_numbers(
    context: Context, first: dt.date, last: dt.date
) -> defaultdict[dt.date, MatchNumbers]:
    """The numbers of the days from `first` to `last` that have any."""
    found: defaultdict[dt.date, MatchNumbers] = defaultdict(MatchNumbers)
    with context.store.read() as connection:
        for sums in day_sums.window_sums(connection, first, last):
            found[sums.day] = MatchNumbers(
                sums.windows, sums.raw_windows, sums.points, sums.driven_s, sums.matched_s
            )
        for day, seconds in day_sums.stage_seconds(connection, "match_ms", first, last).items():
            found[day].seconds = seconds
    return found


def track_numbers(
    context: Context, first: dt.date, last: dt.date
) -> defaultdict[dt.date, TrackNumbers]:
    """The numbers of the days from `first` to `last` that have any."""
    found: defaultdict[dt.date, TrackNumbers] = defaultdict(TrackNumbers)
    with context.store.read() as connection:
        travelled = by_day(connection, in_zone(context.settings.zone), first, last)
        for on, sums in travelled.items():
            numbers = found[on.day]
            numbers.tracks += sums.tracks
            numbers.devices += 1
            numbers.distance_mm += sums.length_mm
            numbers.duration_us += sums.duration_us
            numbers.longest_mm = max(numbers.longest_mm, sums.longest_mm)
        for day, seconds in day_sums.stage_seconds(connection, "track_ms", first, last).items():
            found[day].seconds = seconds
    return found


def day_lines(context: Context, day: dt.date) -> list[DayLine]:
    """The lines of a day: of windows, and of segments where there are no windows."""
    found: list[DayLine] = []
    vertices = 0
    with context.store.read() as connection:
        for line in _lines(connection, day):
            found.append(line)
            vertices += len(line.lon)
            if vertices > MOST_VERTICES:
                break
    return found


def _lines(connection: Connection, day: dt.date) -> Iterator[DayLine]:
    windows = lines.read_day(connection, day)
    for window in windows:
        lon, lat = polylines.decode(window.encoded_polyline)
        yield DayLine(window.device_id, lon, lat, window.is_raw)
    with_windows = {window.device_id for window in windows}
    for device_id in sorted(set(moving_devices(connection, day)) - with_windows):
        for part in read_days(connection, device_id, day, day).get(day, []):
            yield DayLine(device_id, part.points.lon, part.points.lat, raw=True)
