"""What every reader of image files gives, and the limits that all of them check before decoding."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackflow.errors import BadInputError
from trackflow.meshes.heights import Georeference

MAX_BYTES = 512 * 1024 * 1024
"""Of a file, packed or unpacked."""

MAX_PIXELS = 50_000_000
"""Beyond it the triangulation needs more memory than a small machine has; an SRTM tile of one arc
second has 13 million."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where pixels lie on the ground.

    Attributes:
        pixel_width_m, pixel_height_m: distance between neighbouring columns and rows.
        georeference: None where the file does not say where on the earth it lies.
    """

    pixel_width_m: float
    pixel_height_m: float
    georeference: Georeference | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Pixels as a file holds them, the first row in the north, the first column in the west.

    Attributes:
        bands: shape (rows, columns, bands): one band of grey or heights, or red, green and blue.
        is_metres: the one band holds heights in metres, not grey levels.
        voids: pixels that are marked as having no value; None where the file cannot mark them.
        alpha: opacity from 0 to 255; None for an opaque picture.
        ground: None where the file does not say how large its pixels are.
        notes: what was assumed or left out, for people.
    """

    bands: NDArray[Any]
    is_metres: bool = False
    voids: NDArray[np.bool_] | None = None
    alpha: NDArray[np.uint8] | None = None
    ground: Ground | None = None
    notes: tuple[str, ...] = ()


def check_size(columns: int, rows: int, name: str) -> None:
    """Refuse an image by the size that its header claims, before anything is decoded.

    Raises:
        BadInputError: it is too large.
    """
    if columns * rows > MAX_PIXELS:
        raise BadInputError(
            f"{name} has {columns:,} x {rows:,} pixels, more than {MAX_PIXELS:,}: "
            "make it smaller, or cut it into tiles"
        )


def grey_if_grey(bands: NDArray[Any]) -> NDArray[Any]:
    """One band where red, green and blue are equal everywhere."""
    if bands.shape[2] == 3 and (bands == bands[:, :, :1]).all():
        return bands[:, :, :1]
    return bands
