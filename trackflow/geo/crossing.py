"""Where a line lies within an area: exact on its segments, not only at its vertices.

A line within a box is meant as maps draw it, straight in degrees. A line within a circle follows
great circles: on the plane of the gnomonic projection these are straight, and the circle is round,
so that one quadratic equation per segment tells where it enters and leaves.
"""

from dataclasses import dataclass
from math import cos, radians, sin, tan

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.bbox import Bbox, boxes_around
from trackflow.geo.distance import EARTH_RADIUS_M
from trackflow.geo.points import Bools, Floats
from trackflow.geo.steps import unwrapped

LARGEST_RADIUS_M = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Circle:
    """All within a distance of a position.

    Attributes:
        longitude: degrees.
        latitude: degrees.
        radius_m: metres.
    """

    longitude: float
    latitude: float
    radius_m: float

    def __post_init__(self) -> None:
        is_there = -180 <= self.longitude <= 180 and -90 <= self.latitude <= 90
        if not is_there or not 0 < self.radius_m <= LARGEST_RADIUS_M:
            raise BadInputError(
                "a place is longitude,latitude in degrees, and a radius of up to 1,000 km"
            )

    @property
    def bbox(self) -> Bbox:
        """A box that holds it; it may hold more."""
        # cosines of the box and of the circle differ in their last digits
        ((west, south, east, north),) = boxes_around(
            [(self.longitude, self.latitude, self.radius_m * 1.001 + 1)]
        )
        return Bbox(west, max(south, -90.0), east, min(north, 90.0))


def read_circle(text: str, radius_m: float) -> Circle:
    """A circle around `longitude,latitude`.

    Raises:
        BadInputError: it is none.
    """
    try:
        longitude, latitude = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInputError("a place is two numbers: longitude,latitude") from None
    return Circle(longitude, latitude, radius_m)


type Area = Bbox | Circle


def bbox_of(area: Area) -> Bbox:
    """A box that holds an area."""
    return area.bbox if isinstance(area, Circle) else area


def spans_within(lon: Floats, lat: Floats, area: Area) -> list[tuple[float, float]]:
    """The parts of a line that lie within an area, its edge included.

    Args:
        lon: degrees, shape (n,); they may leap at the antimeridian.
        lat: degrees, shape (n,).
        area: the area.

    Returns:
        Begin and end of each part, in order, as places on the line: 2.5 is the middle between the
        vertices 2 and 3. A part that only touches has both equal.
    """
    if not len(lon):
        return []
    if len(lon) == 1:  # a line that stands still
        lon, lat = np.repeat(lon, 2), np.repeat(lat, 2)
        return [(0.0, 0.0)] if spans_within(lon, lat, area) else []
    if isinstance(area, Circle):
        begin, end = _in_circle(lon, lat, area)
        return _joined(begin, end)
    west, south, east, north = area
    across = unwrapped(lon)
    east = east if west <= east else east + 360
    found: list[tuple[float, float]] = []
    first = int(np.ceil((west - across.max()) / 360))
    last = int(np.floor((east - across.min()) / 360))
    for turn in range(first, last + 1):
        found += _joined(*_in_box(across + 360.0 * turn, lat, Bbox(west, south, east, north)))
    return sorted(found)


def _in_box(lon: Floats, lat: Floats, box: Bbox) -> tuple[Floats, Floats]:
    """Shares of each segment at which it enters and leaves a box; it misses it if they are swapped.

    The method of Liang and Barsky, for all segments at once.
    """
    begin, end = np.zeros(len(lon) - 1), np.ones(len(lon) - 1)
    within = np.ones(len(lon), dtype=np.bool_)
    for values, low, high in ((lon, box.west, box.east), (lat, box.south, box.north)):
        start, step = values[:-1], np.diff(values)
        moves = step != 0
        safe = np.where(moves, step, 1.0)
        one, other = (low - start) / safe, (high - start) / safe
        inside = (values >= low) & (values <= high)
        entry = np.where(moves, np.minimum(one, other), np.where(inside[:-1], 0.0, 2.0))
        leave = np.where(moves, np.maximum(one, other), np.where(inside[:-1], 1.0, -1.0))
        begin, end = np.maximum(begin, entry), np.minimum(end, leave)
        within &= inside
    return _with_vertices(begin, end, within)


def _with_vertices(begin: Floats, end: Floats, within: Bools) -> tuple[Floats, Floats]:
    """The shares with those of vertices that are within, whatever a division rounds to."""
    starts, ends = within[:-1], within[1:]
    begin = np.where(starts, 0.0, np.where(ends, np.minimum(begin, 1.0), begin))
    end = np.where(ends, 1.0, np.where(starts, np.maximum(end, 0.0), end))
    return begin, end


def _in_circle(lon: Floats, lat: Floats, circle: Circle) -> tuple[Floats, Floats]:
    """The same for a circle."""
    at, wide = np.radians(lat), np.radians(lon - circle.longitude)
    middle = radians(circle.latitude)
    x = np.cos(at) * np.sin(wide)
    y = np.sin(at - middle) + 2 * sin(middle) * np.cos(at) * np.sin(wide / 2) ** 2
    z = sin(middle) * np.sin(at) + cos(middle) * np.cos(at) * np.cos(wide)
    square = tan(circle.radius_m / EARTH_RADIUS_M) ** 2
    # x² + y² - square * z² <= 0, along start + share * step
    (x0, xd), (y0, yd), (z0, zd) = ((v[:-1], np.diff(v)) for v in (x, y, z))
    a = xd * xd + yd * yd - square * zd * zd
    b = x0 * xd + y0 * yd - square * z0 * zd
    c = x0 * x0 + y0 * y0 - square * z0 * z0
    within = (x * x + y * y <= square * z * z) & (z > 0)
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    # of two forms of each solution the one that subtracts nothing; a straight line has but one
    down = b < 0
    begin = np.where(down, c / np.where(down, root - b, 1.0), -(b + root) / _nonzero(a))
    end = np.where(down, (root - b) / _nonzero(a), -c / _nonzero(b + root))
    # from outside to outside: it comes nearer and goes away again, and on this side of the Earth
    passes = (b * b >= a * c) & (a > 0) & down & (end <= 1) & (begin >= 0)
    passes &= z0 + (begin + end) / 2 * zd > 0
    half = within[:-1] | within[1:]
    begin = np.where(passes | half, np.clip(begin, 0.0, 1.0), 2.0)
    end = np.where(passes | half, np.clip(end, 0.0, 1.0), -1.0)
    return _with_vertices(begin, end, within)


def _nonzero(values: Floats) -> Floats:
    return np.where(values == 0, np.finfo(np.float64).tiny, values)


def _joined(begin: Floats, end: Floats) -> list[tuple[float, float]]:
    """The parts of a line, from shares of its segments."""
    hit: Bools = begin <= end
    found: list[tuple[float, float]] = []
    for k in np.flatnonzero(hit).tolist():
        low, high = k + float(begin[k]), k + float(end[k])
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


def place_on(values: Floats, where: float) -> float:
    """The value at a place on a line, between those of its vertices."""
    k = min(int(where), len(values) - 2) if len(values) > 1 else 0
    if len(values) == 1:
        return float(values[0])
    share = where - k
    return float(values[k] * (1 - share) + values[k + 1] * share)
