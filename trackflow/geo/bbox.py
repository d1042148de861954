"""Bounding boxes of roads, tracks and maps."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from trackflow.errors import BadInputError
from trackflow.geo.distance import METRES_PER_DEGREE


class Bbox(NamedTuple):
    """A bounding box in degrees; `west` is greater than `east` across the antimeridian."""

    west: float
    south: float
    east: float
    north: float


def read_box(text: str) -> Bbox:
    """A box from `west,south,east,north`; longitudes may go beyond 180 degrees.

    Raises:
        BadInputError: it is none.
    """
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInputError("a box is four numbers: west,south,east,north") from None
    if not all(math.isfinite(x) for x in (west, south, east, north)) or south > north:
        raise BadInputError("a box is west,south,east,north in degrees, with south below north")
    if abs(east - west) >= 360:
        return Bbox(-180.0, south, 180.0, north)
    return Bbox(wrapped(west), south, wrapped(east), north)


def wrapped(lon: float) -> float:
    """The same longitude from -180 to 180 degrees, both included."""
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180


def boxes_around(spots: Iterable[tuple[float, float, float]]) -> list[Bbox]:
    """Few boxes that hold all circles around some spots; they may hold more.

    Circles that overlap in latitude share a box; one near the antimeridian has a box around the
    Earth.

    Args:
        spots: longitude and latitude in degrees, and the radius in metres.
    """
    found: list[Bbox] = []
    for box in sorted((_box(*spot) for spot in spots), key=lambda box: box.south):
        if found and box.south <= found[-1].north:
            last = found.pop()
            box = Bbox(
                min(last.west, box.west), last.south, max(last.east, box.east),
                max(last.north, box.north),
            )  # fmt: skip
        found.append(box)
    return found


def _box(longitude: float, latitude: float, radius_m: float) -> Bbox:
    high = radius_m / METRES_PER_DEGREE
    edge = abs(latitude) + high
    # a circle with a pole in it goes around the Earth
    wide = high / math.cos(math.radians(edge)) if edge < 90 else math.inf
    west, east = longitude - wide, longitude + wide
    if west < -180 or east > 180:
        west, east = -180.0, 180.0
    return Bbox(west, latitude - high, east, latitude + high)
