"""A grid of heights: what every reader of height maps gives and the terrain is made from."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

type HeightArray = NDArray[np.float32]

LOWEST_M, HIGHEST_M = -12_000.0, 9_000.0
"""No place on the earth lies beyond; other values in a file of metres are no heights."""


@dataclass(frozen=True, slots=True)
class Georeference:
    """Where a grid lies on the earth.

    Attributes:
        crs: its coordinate system, such as "EPSG:4326".
        west, south, east, north: outer edges of its pixels in that system.
        origin_lon, origin_lat: the mesh's origin in degrees, which is the grid's centre.
    """

    crs: str
    west: float
    south: float
    east: float
    north: float
    origin_lon: float
    origin_lat: float


@dataclass(frozen=True, slots=True, eq=False)
class HeightGrid:
    """Heights in metres, the first row in the north, the first column in the west.

    Attributes:
        heights_m: shape (rows, columns), finite: voids are filled.
        pixel_width_m, pixel_height_m: distance between neighbouring columns and rows on the ground.
        georeference: None where the image does not say where it lies.
        void_count: pixels that had no height.
        notes: what was assumed, for people ("values look like Terrarium").
        voids: which pixels had no height, shape (rows, columns); None where all had one.
    """

    heights_m: HeightArray
    pixel_width_m: float
    pixel_height_m: float
    georeference: Georeference | None = None
    void_count: int = 0
    notes: tuple[str, ...] = field(default=())
    voids: NDArray[np.bool_] | None = None

    @property
    def range_m(self) -> tuple[float, float]:
        """The lowest and the highest height that the image holds."""
        known = self.heights_m if self.voids is None else self.heights_m[~self.voids]
        return float(known.min()), float(known.max())
