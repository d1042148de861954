"""Bounding boxes of roads, tracks and maps."""

from typing import NamedTuple


class Bbox(NamedTuple):
    """A bounding box in degrees; `west` is greater than `east` across the antimeridian."""

    west: float
    south: float
    east: float
    north: float
