"""SRTM tiles (`.hgt`): bare big-endian 16-bit heights of one degree; the name gives the place.

The rows are known from the size alone: there is no header (USGS, "SRTM Topography", 2015).
"""

import re

import numpy as np

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.ground import Edges, ground_of, metres_per_degree
from trackflow.meshes.height_maps.raster import Ground, Raster
from trackflow.meshes.heights import HIGHEST_M, LOWEST_M

_SHAPES = {
    2 * rows * columns: (rows, columns)
    for rows, columns in (
        (1201, 1201),  # three arc seconds
        (3601, 3601),  # one arc second
        (3601, 1801),  # one arc second, two from west to east: beyond 50 degrees of latitude
        (1201, 601),
        (7201, 7201),
    )
}
_VOID = -32768
_HEIGHTS_SHARE = 0.99
_PLACE = re.compile(r"([ns])(\d{1,2})([ew])(\d{1,3})", re.IGNORECASE)


def is_hgt(image: bytes) -> bool:
    """Whether a file has exactly the size of a tile; call it for what is nothing else."""
    return len(image) in _SHAPES


def read_hgt(image: bytes, name: str) -> Raster:
    """The heights of a tile.

    Raises:
        BadInputError: the values are no heights.
    """
    rows, columns = _SHAPES[len(image)]
    notes = []
    stored = np.frombuffer(image, dtype=">i2").reshape(rows, columns)
    values = stored.astype(np.int16)
    if not _are_heights(values):
        values = stored.view("<i2").astype(np.int16)
        if not _are_heights(values):
            raise BadInputError(
                f"{name} has the size of an SRTM tile, but its values are no heights"
            )
        notes.append("its bytes are in the wrong order (little endian): they were swapped")
    ground, more = _ground(name, rows, columns)
    return Raster(
        bands=values.astype(np.float32)[:, :, np.newaxis],
        is_metres=True,
        voids=values == _VOID,
        ground=ground,
        notes=(*notes, *more),
    )


def _are_heights(values: np.ndarray) -> bool:
    """A tile whose bytes are swapped has every height from -32,768 to 32,767."""
    inside = np.count_nonzero((values >= LOWEST_M) & (values <= HIGHEST_M))
    voids = np.count_nonzero(values == _VOID)
    return bool(inside >= _HEIGHTS_SHARE * (values.size - voids))


def _ground(name: str, rows: int, columns: int) -> tuple[Ground, list[str]]:
    """The outermost pixels lie on whole degrees, so that neighbouring tiles share them."""
    place = _PLACE.search(name)
    high, wide = 1 / (rows - 1), 1 / (columns - 1)
    if not place:
        east_m, north_m = metres_per_degree(0.0)
        note = "its name does not say where it lies (such as N43E007.hgt): as at the equator"
        return Ground(wide * east_m, high * north_m), [note]
    lat = int(place[2]) * (-1 if place[1].lower() == "s" else 1)
    lon = int(place[4]) * (-1 if place[3].lower() == "w" else 1)
    edges = Edges(
        lon - wide / 2, lat - high / 2, lon + 1 + wide / 2, lat + 1 + high / 2, columns, rows
    )
    return ground_of(edges, "EPSG:4326", name)
