"""The picture on a terrain: light and shadow of its heights, or the image that was given."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trackflow.meshes.height_maps.raster import Raster
from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.parameters import TextureKind
from trackflow.meshes.relief import hillshade_of

MAX_SIDE = 4096
"""Larger textures are not shown by many phones."""


def texture_png(kind: TextureKind, raster: Raster, grid: HeightGrid) -> bytes | None:
    """A PNG file that covers the terrain; None where none is asked for.

    An image that holds heights in metres has no colours of its own: it gets light and shadow.
    """
    if kind == TextureKind.NONE:
        return None
    if kind == TextureKind.HILLSHADE or raster.is_metres:
        return _png(hillshade_of(grid))
    bands = raster.bands
    if bands.dtype != np.uint8:
        bands = (bands >> 8).astype(np.uint8)
    return _png(bands[:, :, 0] if bands.shape[2] == 1 else bands)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
