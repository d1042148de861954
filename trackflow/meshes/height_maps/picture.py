"""Pictures: PNG, JPEG and what else people have, as grey or colour bands without loss of depth."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.raster import MAX_PIXELS, Raster, check_size, grey_if_grey

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")
"""No EPS and the like: Pillow starts other programs for them."""

_BROKEN = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError,
           OverflowError, struct.error, zlib.error)  # fmt: skip
"""What Pillow's readers raise for damaged files."""

_ORIENTATION_TAG = 274
_TURNED = "turned upright, as its EXIF data says"
_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: np.rot90,
}
"""By the value of the tag, as `ImageOps.exif_transpose` does it."""
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_GREY = 0


def read_picture(image: bytes, name: str) -> Raster:
    """The pixels of a picture.

    Raises:
        BadInputError: it is no picture, damaged or too large.
    """
    try:
        with Image.open(io.BytesIO(image), formats=_FORMATS) as opened:
            check_size(opened.width, opened.height, name)
            _check_tiles(opened, name)
            if _is_deep_colour_png(image):
                return _deep_colour(image, opened.getexif().get(_ORIENTATION_TAG, 1), name)
            return _decoded(opened)
    except UnidentifiedImageError as error:
        raise BadInputError(
            f"{name} is no image that trackflow reads: send PNG, JPEG, WebP, GIF, BMP, TIFF, "
            "GeoTIFF, JPEG 2000, AVIF or an SRTM .hgt tile"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadInputError(
            f"{name} has more than {MAX_PIXELS:,} pixels: make it smaller, or cut it into tiles"
        ) from error
    except MemoryError as error:
        raise BadInputError(f"{name} needs more memory than there is: make it smaller") from error
    except _BROKEN as error:
        raise BadInputError(f"{name} is damaged or cut short: {error}") from error


def _check_tiles(opened: Image.Image, name: str) -> None:
    """A TIFF tile is decoded whole, however small the image is that it belongs to."""
    tags = getattr(opened, "tag_v2", {})
    width, height = tags.get(322, 1), tags.get(323, 1)
    if int(width) * int(height) > MAX_PIXELS:
        raise BadInputError(f"{name} has tiles of more than {MAX_PIXELS:,} pixels: write it anew")


def _decoded(opened: Image.Image) -> Raster:
    notes = []
    if getattr(opened, "is_animated", False):
        what = "page" if opened.format == "TIFF" else "frame"
        notes.append(f"the first {what} is read, as viewers show it")
    if opened.info.get("icc_profile") and opened.mode != "CMYK":
        notes.append("its colour profile is left aside: values are read as they are")
    if opened.getexif().get(_ORIENTATION_TAG, 1) != 1:
        notes.append(_TURNED)
    picture = ImageOps.exif_transpose(opened)
    if picture.mode == "CMYK":
        notes.append("printing colours (CMYK) became red, green and blue")
    bands, alpha, is_metres = _bands(picture)
    return Raster(grey_if_grey(bands), is_metres, None, alpha, None, tuple(notes))


def _bands(picture: Image.Image) -> tuple[NDArray[Any], NDArray[np.uint8] | None, bool]:
    """The bands, the alpha channel, and whether values are metres."""
    mode = picture.mode
    if mode == "F":
        return _three_axes(picture), None, True
    if mode.startswith("I"):  # 16 bits, which some formats give in 32
        return _three_axes(picture).astype(np.uint16), None, False
    if "transparency" in picture.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        is_grey = mode in ("L", "LA", "1")
        pixels = _three_axes(picture.convert("LA" if is_grey else "RGBA"))
        return pixels[:, :, :-1], _opacity(pixels[:, :, -1]), False
    return _three_axes(picture.convert("L" if mode in ("1", "L") else "RGB")), None, False


def _opacity(alpha: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """An alpha channel; None where all of it is opaque."""
    return None if alpha.min() == 255 else alpha


def _three_axes(picture: Image.Image) -> NDArray[Any]:
    pixels = np.asarray(picture)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def _is_deep_colour_png(image: bytes) -> bool:
    """Whether it has 16 bits and colour or alpha: Pillow would drop the lower eight."""
    return image.startswith(_PNG_MAGIC) and image[24] == 16 and image[25] != _PNG_GREY


def _deep_colour(image: bytes, orientation: int, name: str) -> Raster:
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            MemoryFile(image) as file,
        ):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with file.open(driver="PNG") as dataset:
                pixels = np.moveaxis(dataset.read(), 0, 2)
    except RasterioError as error:
        raise BadInputError(f"{name} is damaged or cut short") from error
    turn = _TURNS.get(orientation)
    notes = (_TURNED,) if turn else ()
    pixels = turn(pixels) if turn else pixels
    alpha = None
    if pixels.shape[2] in (2, 4):
        deep = pixels[:, :, -1]
        # next to nothing is still something
        alpha = _opacity(np.maximum(deep >> 8, deep > 0).astype(np.uint8))
        pixels = pixels[:, :, :-1]
    return Raster(grey_if_grey(pixels), alpha=alpha, notes=notes)
