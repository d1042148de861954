"""A grid of heights: what every reader of height maps gives and the terrain is made from."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

type HeightArray = NDArray[np.float32]


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
        heights_m: shape (rows, columns), finite once the voids are filled, NaN in a void before.
        pixel_width_m, pixel_height_m: distance between neighbouring columns and rows on the ground.
        georeference: None where the image does not say where it lies.
        void_count: pixels that had no height.
        notes: what was assumed, for people ("values look like Terrarium").
    """

    heights_m: HeightArray
    pixel_width_m: float
    pixel_height_m: float
    georeference: Georeference | None = None
    void_count: int = 0
    notes: tuple[str, ...] = field(default=())
