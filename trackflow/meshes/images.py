"""Reads images; told from their content, never from their name."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from trackflow.errors import BadInputError
from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.parameters import MeshParameters


def grid_of_image(image: bytes, name: str, parameters: MeshParameters) -> HeightGrid:
    """The heights of an image.

    Raises:
        BadInputError: it cannot be read.
    """
    try:
        with Image.open(io.BytesIO(image)) as opened:
            grey = np.asarray(opened.convert("L"), dtype=np.float32) / 255
    except UnidentifiedImageError as error:
        raise BadInputError(f"{name} is no image that trackflow reads") from error
    heights_m = parameters.low_m + grey * (parameters.high_m - parameters.low_m)
    pixel_m = parameters.width_m / grey.shape[1] if parameters.width_m else 1.0
    scaled_m = (heights_m * parameters.vertical_scale).astype(np.float32)
    return HeightGrid(scaled_m, pixel_m, pixel_m)
