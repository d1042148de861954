"""What is stored of each day, in numbers and in lines. Only reads.

The numbers describe a day as it is, not what the last run did to it: so they can be plotted over
days, however the work was cut up.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.points import Floats
from trackflow.geo.time import day_of_index, runs_of_days
from trackflow.store.days.batches import midnight
from trackflow.store.days.segments import ONE_DAY, read_days
from trackflow.store.tables import (
    cached_polylines,
    day_ledgers,
    devices,
    gps_points,
    processing_batches,
    segments,
)
from trackflow.store.types import epoch_us
from trackflow.tracks.segments import DAY_US
from trackflow.usecases.queries.distances import by_day, in_zone

MOST_VERTICES = 300_000
"""A picture of a day stops here: more would not be seen, only waited for."""


@dataclass(frozen=True, slots=True, eq=False)
class DayLine:
    """A line of a day. `raw` ones could not be matched to roads."""

    device_id: str
    lon: Floats
    lat: Floats
    raw: bool = False


@dataclass(slots=True)
class PointNumbers:
    """What came in of a day."""

    points: int = 0
    devices: int = 0


@dataclass(slots=True)
class SegmentNumbers:
    """What a day was cut into, and where its points went."""

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
    """How a day's windows were matched."""

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
    """What of the tracks lies in a day of the stated time zone.

    Attributes:
        tracks: how many touch the day.
        devices: how many moved.
        distance_mm: of the parts that lie in the day.
        duration_us: of the same parts.
        longest_mm: the longest of these parts.
        seconds: that merging took.
    """

    tracks: int = 0
    devices: int = 0
    distance_mm: int = 0
    duration_us: int = 0
    longest_mm: int = 0
    seconds: float = 0.0


def point_numbers(context: Context, days: list[dt.date]) -> dict[dt.date, PointNumbers]:
    """Points and devices of the given days."""
    found = {day: PointNumbers() for day in days}
    with context.store.read() as connection:
        for first, last in runs_of_days(days):
            for (_, day), count in counted_points(connection, first, last).items():
                found[day].points += count
                found[day].devices += 1
    return found


def counted_points(
    connection: Connection, first: dt.date, last: dt.date
) -> dict[tuple[str, dt.date], int]:
    """Points by device and day, counted one by one.

    By device, because the table's key begins with it: asked for a time alone, a database would
    read all points that there are.
    """
    d, p = devices.c, gps_points.c
    day = sa.type_coerce(epoch_us(p.recorded_at) // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(d.device_id, day, sa.func.count())
        .join(
            gps_points,
            sa.and_(
                p.device_id == d.device_id,
                p.recorded_at >= midnight(first),
                p.recorded_at < midnight(last + ONE_DAY),
            ),
        )
        .group_by(d.device_id, day)
    )
    return {(device, day_of_index(index)): count for device, index, count in rows}


def segment_numbers(
    context: Context, first: dt.date, last: dt.date
) -> defaultdict[dt.date, SegmentNumbers]:
    """The numbers of the days from `first` to `last` that have any."""
    found: defaultdict[dt.date, SegmentNumbers] = defaultdict(SegmentNumbers)
    c, s = day_ledgers.c, segments.c
    total = sa.func.sum
    with context.store.read() as connection:
        for day, count, points, track, stop, dropped in connection.execute(
            sa.select(
                c.day,
                sa.func.count(),
                total(c.points),
                total(c.track),
                total(c.stop),
                total(c.spike + c.inaccurate + c.duplicate),
            )
            .where(c.day.between(first, last))
            .group_by(c.day)
        ):
            found[day] = SegmentNumbers(
                devices=count,
                points=int(points),
                points_on_track=int(track),
                points_in_stops=int(stop),
                points_dropped=int(dropped),
            )
        for day, count, length_mm in connection.execute(
            sa.select(s.day, sa.func.count(), total(s.distance_mm + s.link_mm))
            .where(s.day.between(first, last))
            .group_by(s.day)
        ):
            found[day].segments = count
            found[day].raw_distance_mm = int(length_mm)
        for day, seconds in _seconds(connection, "segment_ms", first, last):
            found[day].seconds = seconds
    return found


def match_numbers(
    context: Context, first: dt.date, last: dt.date
) -> defaultdict[dt.date, MatchNumbers]:
    """The numbers of the days from `first` to `last` that have any."""
    found: defaultdict[dt.date, MatchNumbers] = defaultdict(MatchNumbers)
    c = cached_polylines.c
    seconds_long = (epoch_us(c.end_time) - epoch_us(c.start_time)) / 1e6
    on_roads = sa.case((c.is_raw, 0.0), else_=seconds_long * c.matched_share)
    with context.store.read() as connection:
        for row in connection.execute(
            sa.select(
                c.day,
                sa.func.count(),
                sa.func.count(sa.case((c.is_raw, 1))),
                sa.func.sum(c.source_coordinates_count),
                sa.func.sum(seconds_long),
                sa.func.sum(on_roads),
            )
            .where(c.day.between(first, last))
            .group_by(c.day)
        ):
            day, windows, raw, points, driven_s, matched_s = row
            found[day] = MatchNumbers(windows, raw, int(points), float(driven_s), float(matched_s))
        for day, seconds in _seconds(connection, "match_ms", first, last):
            found[day].seconds = seconds
    return found


def track_numbers(
    context: Context, first: dt.date, last: dt.date
) -> defaultdict[dt.date, TrackNumbers]:
    """The numbers of the days from `first` to `last` that have any."""
    found: defaultdict[dt.date, TrackNumbers] = defaultdict(TrackNumbers)
    with context.store.read() as connection:
        travelled = by_day(connection, None, first, last, in_zone(context.settings.zone))
        for on, sums in travelled.items():
            numbers = found[on.day]
            numbers.tracks += sums.tracks
            numbers.devices += 1
            numbers.distance_mm += sums.length_mm
            numbers.duration_us += sums.duration_us
            numbers.longest_mm = max(numbers.longest_mm, sums.longest_mm)
        for day, seconds in _seconds(connection, "track_ms", first, last):
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
    c, s = cached_polylines.c, segments.c
    windows = connection.execute(
        sa.select(c.device_id, c.encoded_polyline, c.is_raw)
        .where(c.day == day)
        .order_by(c.device_id, c.start_time)
    ).all()
    for device_id, text, is_raw in windows:
        lon, lat = polylines.decode(text)
        yield DayLine(device_id, lon, lat, is_raw)
    with_windows = {row.device_id for row in windows}
    moving = connection.scalars(sa.select(s.device_id).distinct().where(s.day == day)).all()
    for device_id in sorted(set(moving) - with_windows):
        for part in read_days(connection, device_id, day, day).get(day, []):
            yield DayLine(device_id, part.points.lon, part.points.lat, raw=True)


def _seconds(
    connection: Connection, column: str, first: dt.date, last: dt.date
) -> Iterator[tuple[dt.date, float]]:
    """Seconds of work that a stage last took, by day."""
    b = processing_batches.c
    rows = connection.execute(
        sa.select(b.day, sa.func.sum(b[column]))
        .where(b.day.between(first, last), b[column].is_not(None))
        .group_by(b.day)
    )
    return ((day, round(milliseconds / 1000, 4)) for day, milliseconds in rows)
