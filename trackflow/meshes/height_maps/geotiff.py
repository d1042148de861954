"""TIFF files with heights: GeoTIFF, and any TIFF whose numbers are signed or floating point.

Only GDAL's own TIFF driver may open the file: others would follow addresses and file names in it.
"""

import warnings
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.ground import Edges, ground_of
from trackflow.meshes.height_maps.raster import (
    MAX_PIXELS,
    Ground,
    Raster,
    check_size,
    grey_if_grey,
)

_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BROKEN = (RasterioError, ValueError, OverflowError, IndexError)
"""What rasterio raises for damaged files; `ValueError` for names that are no text."""

_COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_METRES_PER_UNIT = {
    "m": 1.0, "metre": 1.0, "metres": 1.0, "meter": 1.0, "meters": 1.0,
    "ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "international foot": 0.3048,
    "us survey foot": 1200 / 3937, "ftus": 1200 / 3937, "us-ft": 1200 / 3937,
    "cm": 0.01, "centimetre": 0.01, "dm": 0.1, "decimetre": 0.1, "mm": 0.001, "km": 1000.0,
}  # fmt: skip


def is_tiff(image: bytes) -> bool:
    """Whether a file begins as TIFF or BigTIFF does."""
    return image[:4] in _MAGICS


def read_geotiff(image: bytes, name: str) -> Raster | None:
    """The heights or colours in a TIFF file; None where it is an ordinary picture.

    Raises:
        BadInputError: it is damaged, too large or rotated.
    """
    try:
        with (
            warnings.catch_warnings(),
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_CACHEMAX=64),
            MemoryFile(image) as file,
        ):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with file.open(driver="GTiff") as dataset:
                check_size(dataset.width, dataset.height, name)
                _check_blocks(dataset, name)
                return None if _is_plain_picture(dataset) else _read(dataset, name)
    except _BROKEN as error:
        raise BadInputError(f"{name} is a damaged TIFF file, or cut short") from error


def _check_blocks(dataset: Any, name: str) -> None:
    """A tile is decoded whole, however small the image is that it belongs to."""
    if any(rows * columns > MAX_PIXELS for rows, columns in dataset.block_shapes):
        raise BadInputError(f"{name} has tiles of more than {MAX_PIXELS:,} pixels: write it anew")


def _is_placed(dataset: Any) -> bool:
    return dataset.crs is not None or not dataset.transform.is_identity


def _are_grey_levels(dataset: Any) -> bool:
    return not _is_placed(dataset) and dataset.dtypes[0] in ("uint8", "uint16")


def _is_plain_picture(dataset: Any) -> bool:
    """Whether Pillow reads it as well or better: of colours of 16 bits it drops the lower eight."""
    is_deep_colour = dataset.dtypes[0] == "uint16" and dataset.count > 1
    return _are_grey_levels(dataset) and not is_deep_colour


def _read(dataset: Any, name: str) -> Raster:
    if dataset.dtypes[0].startswith("complex"):
        raise BadInputError(f"{name} holds complex numbers, which are no heights")
    notes = []
    is_colour = (
        dataset.count >= 3
        and dataset.dtypes[0] in ("uint8", "uint16")
        and dataset.colorinterp[:3] == _COLOURS
    )
    if is_colour:
        values = grey_if_grey(np.moveaxis(dataset.read((1, 2, 3)), 0, 2))
    else:
        values = dataset.read(1)[:, :, np.newaxis]
        if dataset.count > 1 and dataset.colorinterp[1] != ColorInterp.alpha:
            notes.append(f"the first of {dataset.count} bands is read")
    is_metres = not (is_colour or _are_grey_levels(dataset))
    if len(dataset.subdatasets) > 1:
        notes.append(f"the first of {len(dataset.subdatasets)} pages is read")
    voids = dataset.read_masks(1) == 0
    if is_metres:
        values, more = _in_metres(values, dataset)
        notes += more
    values, voids, edges = _north_up(values, voids, dataset, name)
    ground: Ground | None = None
    if edges is None:
        notes.append("it does not say where it lies")
    else:
        ground, more = ground_of(edges, dataset.crs.to_wkt() if dataset.crs else None, name)
        notes += more
    return Raster(values, is_metres, voids if voids.any() else None, None, ground, tuple(notes))


def _in_metres(values: NDArray[Any], dataset: Any) -> tuple[NDArray[Any], list[str]]:
    scale, offset = dataset.scales[0], dataset.offsets[0]
    unit = (dataset.units[0] or "m").strip().lower()
    metres = _METRES_PER_UNIT.get(unit)
    notes = []
    if metres is None:
        notes.append(f"its unit of heights {unit!r} is unknown: they are read as metres")
        metres = 1.0
    elif metres != 1.0:
        notes.append(f"heights were given in {unit}")
    if (scale, offset, metres) == (1.0, 0.0, 1.0):
        return values, notes
    # masked pixels may hold the largest number there is
    with np.errstate(over="ignore", invalid="ignore"):
        return (values.astype(np.float64) * scale + offset) * metres, notes


def _north_up(
    values: NDArray[Any], voids: NDArray[np.bool_], dataset: Any, name: str
) -> tuple[NDArray[Any], NDArray[np.bool_], Edges | None]:
    """Rows from north to south, columns from west to east, and the outer edges."""
    if not _is_placed(dataset) or dataset.transform.is_identity:
        return values, voids, None
    a, b, c, d, e, f = tuple(dataset.transform)[:6]
    if a == 0 and e == 0:  # a quarter turn: rows run from west to east
        values, voids = values.swapaxes(0, 1), voids.T
        a, b, d, e = b, a, e, d
    if b or d or not a or not e:
        raise BadInputError(
            f"{name} is rotated against its coordinate system: turn it first, with "
            "`gdalwarp` or `rio warp`"
        )
    rows, columns = voids.shape
    if e > 0:
        values, voids = values[::-1], voids[::-1]
    if a < 0:
        values, voids = values[:, ::-1], voids[:, ::-1]
    west, east = sorted((c, c + a * columns))
    south, north = sorted((f, f + e * rows))
    return values, voids, Edges(west, south, east, north, columns, rows)
