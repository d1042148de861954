"""The length of a movement, as exactly as its points allow, and how it is spread over time.

The sum of the steps between points is no length: at a point a second, 5 m of noise make a walk of
5 km one of 30. So the way is measured along points that are smoothed and then thinned to a distance
at which their noise no longer matters, twice, as noise that changes slowly survives the first time.
Of a halt only the ends count.
Where a line on roads is known, its length counts instead.
"""

import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats, Ints, Points
from trackflow.geo.smoothing import smoothed
from trackflow.geo.steps import cos_latitude, steps_mm
from trackflow.geo.thinning import spaced, with_tips
from trackflow.tracks.halts import Halts, find_halts

APART_M = 25.0
"""Well above the noise that is left after smoothing."""

SHARPEST = np.pi / 2
"""A turn counts up to a right angle: what turns back between two points is no arc."""

SPEED_SPAN_US = 10_000_000
"""A speed is taken over at least 10 s: over 1 s, 5 m of noise are 18 km/h."""


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """How far a device had travelled at which time. Both arrays have shape (n,).

    Attributes:
        time_us: in order; the first and the last point are among them.
        along_mm: whole millimetres from the first, never falling.
    """

    time_us: Ints
    along_mm: Floats

    @property
    def length_mm(self) -> int:
        """All of it."""
        return int(self.along_mm[-1])

    def at_mm(self, time_us: int) -> float:
        """How far it was at a time, evenly between two points."""
        # relative to the start: floats hold such differences exactly, but not those since 1970
        start_us = self.time_us[0]
        return float(np.interp(time_us - start_us, self.time_us - start_us, self.along_mm))


@dataclass(frozen=True, slots=True)
class Movement:
    """Length, speed and halts of a movement by its points, without a map.

    Attributes:
        way: along its points.
        max_speed_kmh: the highest speed that a neighbour agrees on.
        fastest_us: a moment at which it went so fast.
        halts: in which it stood.
    """

    way: Way
    max_speed_kmh: float
    fastest_us: int
    halts: Halts


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a track; `length_mm` is that of its line on roads, None where there is none."""

    start_us: int
    end_us: int
    length_mm: int | None


def measure(points: Points) -> Movement:
    """The way along points in order of time, and the highest speed on it."""
    lon, lat = smoothed(points.time_us, points.lon, points.lat)
    time_us = points.time_us
    x, y = _metres(lon, lat)
    speed_kmh, fastest_us = _max_speed_kmh(time_us, x, y)
    halts = find_halts(time_us, x, y)
    # what wanders while the device stands is noise: each minute at lights would be metres of way
    moving = ~halts.within
    time_us, lon, lat = time_us[moving], lon[moving], lat[moving]
    x_m, y_m = x[moving].tolist(), y[moving].tolist()
    kept = np.array(with_tips(x_m, y_m, spaced(x_m, y_m, APART_M), APART_M))
    time_us, lon, lat = time_us[kept], lon[kept], lat[kept]
    lon, lat = smoothed(time_us, lon, lat)
    steps = np.rint(steps_mm(lon, lat) * bends(*_metres(lon, lat)))
    along_mm = np.concatenate([[0.0], np.cumsum(steps)])
    return Movement(Way(time_us, along_mm), speed_kmh, fastest_us, halts)


def bends(x: Floats, y: Floats) -> Floats:
    """How much longer the way from each point to the next is than straight; at least 1.

    It bends as the way around it does: an arc of a circle that turns by as much as the steps beside
    it. Straight lines between fixes cut every corner, so that a drive would get shorter the more
    rarely a device reports. Steps that are not much longer than the points are thinned to do not
    bend: their turns are noise.

    Args:
        x: metres east of the points in order. Shape (n,).
        y: metres north of them. Shape (n,).

    Returns:
        Shape (n - 1,).
    """
    dx, dy = np.diff(x), np.diff(y)
    longer = np.ones(len(dx))
    if len(dx) < 2:
        return longer
    across, along = dx[:-1] * dy[1:] - dy[:-1] * dx[1:], dx[:-1] * dx[1:] + dy[:-1] * dy[1:]
    turn = np.minimum(np.abs(np.arctan2(across, along)), SHARPEST)
    length = np.maximum(np.hypot(dx, dy), 1e-9)
    # The direction of a short step beside a long one is mostly noise.
    alike = np.minimum(length[1:], length[:-1]) / np.maximum(length[1:], length[:-1])
    squares = np.zeros(len(dx))
    for side in (slice(None, -1), slice(1, None)):
        squares[side] += turn * turn * alike
    half = np.sqrt(squares / 2) / 2
    bent = (half > 1e-6) & (length > 2 * APART_M)
    longer[bent] = half[bent] / np.sin(half[bent])
    return longer


def spread(way: Way, stretches: Sequence[Stretch], edges_us: Sequence[int]) -> list[int]:
    """Whole millimetres travelled between neighbouring edges.

    Args:
        way: along the points; it decides how a stretch's length is spread over its time.
        stretches: the whole track, one after another without a hole.
        edges_us: from the track's start to its end, in order; n + 1 of them.

    Returns:
        Shape (n,). They add up to the track's length: that on roads where there is one, else that
        along the points.
    """
    begins = [stretch.start_us for stretch in stretches]
    before_mm = [0.0]
    for stretch in stretches:
        if stretch.length_mm is None:
            length_mm = way.at_mm(stretch.end_us) - way.at_mm(stretch.start_us)
        else:
            length_mm = stretch.length_mm
        before_mm.append(before_mm[-1] + length_mm)

    def until_mm(edge_us: int) -> int:
        k = max(bisect_right(begins, edge_us) - 1, 0)
        length_mm = before_mm[k + 1] - before_mm[k]
        return round(before_mm[k] + length_mm * _share(way, stretches[k], edge_us))

    found = [until_mm(edge_us) for edge_us in edges_us]
    return [later - earlier for earlier, later in itertools.pairwise(found)]


def _share(way: Way, stretch: Stretch, edge_us: int) -> float:
    """The share of a stretch's length that lies before a moment; by time if nothing moved."""
    start_mm, end_mm = way.at_mm(stretch.start_us), way.at_mm(stretch.end_us)
    if end_mm > start_mm:
        return (way.at_mm(edge_us) - start_mm) / (end_mm - start_mm)
    seconds = stretch.end_us - stretch.start_us
    return (edge_us - stretch.start_us) / seconds if seconds else 1.0


def _metres(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Positions as metres to the east and north, each step true where it is."""
    east = np.diff(lon) * cos_latitude((lat[1:] + lat[:-1]) / 2) * METRES_PER_DEGREE
    x = np.concatenate([[0.0], np.cumsum(east)])
    return x, (lat - lat[0]) * METRES_PER_DEGREE


def _max_speed_kmh(time_us: Ints, x: Floats, y: Floats) -> tuple[float, int]:
    """The highest speed in a straight line over at least 10 s that a neighbour agrees on, and when.

    One point beside the way claims a high speed there and one back. So a speed counts as far as the
    10 s before or after it went the same way as fast. Where there is nothing before and after, it
    counts as it is.
    """
    begin, end = _spans(time_us)
    seconds = np.maximum(time_us[end] - time_us[begin], 1) / 1e6
    east, north = (x[end] - x[begin]) / seconds, (y[end] - y[begin]) / seconds
    speed = np.hypot(east, north)
    agreed = np.full(len(begin), np.nan)
    for mine, others in ((end, begin), (begin, end)):
        # the velocity of a span that begins where this one ends, or ends where it begins
        there = np.full((2, len(time_us)), np.nan)
        there[:, others] = east, north
        same_way = there[0, mine] * east + there[1, mine] * north
        agreed = np.fmax(agreed, same_way / np.maximum(speed, 1e-9))
    counted = np.where(np.isnan(agreed), speed, np.clip(agreed, 0.0, speed))
    top = int(counted.argmax())
    return round(float(counted[top]) * 3.6, 3), int(time_us[begin[top]])


def _spans(time_us: Ints) -> tuple[Ints, Ints]:
    """First and last points of the shortest stretches of at least 10 s, or of all there is."""
    end = np.searchsorted(time_us, time_us + SPEED_SPAN_US)
    begin = np.flatnonzero(end < len(time_us))
    if len(begin):
        return begin, end[begin]
    return np.array([0]), np.array([len(time_us) - 1])
