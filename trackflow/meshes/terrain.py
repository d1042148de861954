"""A terrain: the fewest triangles that lie close enough to every pixel's height.

The triangles come from Delatin (Garland and Heckbert, "Fast Polygonal Approximation of Terrains
and Height Fields", 1995): it adds the worst pixel to a Delaunay triangulation until none is off by
more than the limit.
"""

from dataclasses import dataclass

import numpy as np
from pydelatin import Delatin

from trackflow.errors import BadInputError
from trackflow.meshes.edges import edge_vertices, two_lines, with_rim
from trackflow.meshes.heights import HeightArray, HeightGrid
from trackflow.meshes.measuring import MeasuredError, Tin, errors_on_pixels, summary_of
from trackflow.meshes.relief import normals_at
from trackflow.meshes.triangles import Triangles

MAX_TRIANGLES = 4_000_000
"""More of them make a file of over 100 MB, which no viewer turns; and each costs memory here."""

_MARGIN = 0.998
"""Share of the limit that is used: files hold positions in 32 bits, which are rounded."""

_TRIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """A surface, and how far it lies from the pixels that had a height of their own.

    Attributes:
        surface: its triangles.
        asked_error_m: the limit.
        error: as measured.
    """

    surface: Triangles
    asked_error_m: float
    error: MeasuredError


def terrain_of(grid: HeightGrid, max_error_m: float) -> Terrain:
    """The surface of a grid without voids, its origin in the middle of the grid.

    Its error is measured by our own means: Delatin calculates in 32 bits.

    Args:
        grid: finite heights, two rows and two columns at least.
        max_error_m: how far the surface may lie above or below any pixel; 0 keeps every pixel.

    Raises:
        BadInputError: that takes too many triangles.
    """
    heights_m = grid.heights_m
    used_m = max_error_m * _MARGIN
    is_flat = heights_m.min() == heights_m.max()
    for _ in range(_TRIES if used_m > 0 or is_flat else 0):
        tin = _tin(heights_m, used_m)
        errors_m = errors_on_pixels(tin, heights_m)
        worst_m = float(errors_m.max())
        if worst_m <= max_error_m:
            return Terrain(_surface(grid, tin), max_error_m, summary_of(errors_m, grid.voids))
        used_m = max(used_m - 2 * (worst_m - max_error_m), used_m / 2)
    tin = _every_pixel(heights_m)
    return Terrain(_surface(grid, tin), max_error_m, MeasuredError(0.0, 0.0))


def _surface(grid: HeightGrid, tin: Tin) -> Triangles:
    rows, columns = grid.heights_m.shape
    vertices = np.column_stack(
        [
            (tin.columns - (columns - 1) / 2) * grid.pixel_width_m,
            ((rows - 1) / 2 - tin.rows) * grid.pixel_height_m,
            grid.heights_m[tin.rows, tin.columns],
        ]
    )
    uv = np.column_stack([(tin.columns + 0.5) / columns, (tin.rows + 0.5) / rows])
    normals = normals_at(grid, tin.rows, tin.columns)
    return Triangles(vertices, tin.faces, normals, uv.astype(np.float32), name="terrain")


def _tin(heights_m: HeightArray, max_error_m: float) -> Tin:
    if min(heights_m.shape) == 2:
        return two_lines(heights_m, max_error_m)
    inside = heights_m[1:-1, 1:-1]
    inner = _line(inside, max_error_m) if min(inside.shape) == 1 else _delatin(inside, max_error_m)
    return with_rim(Tin(inner.rows + 1, inner.columns + 1, inner.faces), heights_m, max_error_m)


def _line(heights_m: HeightArray, max_error_m: float) -> Tin:
    (along,) = edge_vertices([heights_m.ravel()], max_error_m)
    across = np.zeros_like(along)
    faces = np.empty((0, 3), dtype=np.uint32)
    return Tin(across, along, faces) if heights_m.shape[0] == 1 else Tin(along, across, faces)


def _delatin(heights_m: HeightArray, max_error_m: float) -> Tin:
    low_m, high_m = heights_m.min(), heights_m.max()
    # small numbers: Delatin's 32 bits would round heights far from zero; whole ones: no rounding
    middle_m = np.round((low_m + high_m) / 2) if low_m < high_m else low_m
    found = Delatin(heights_m - middle_m, max_error=max_error_m, max_triangles=MAX_TRIANGLES)
    faces = found.triangles
    if len(faces) >= MAX_TRIANGLES:
        raise _too_many()
    x, y, _ = found.vertices.astype(np.int64).T
    return Tin(heights_m.shape[0] - 1 - y, x, faces)


def _every_pixel(heights_m: HeightArray) -> Tin:
    rows, columns = heights_m.shape
    if 2 * (rows - 1) * (columns - 1) > MAX_TRIANGLES:
        raise _too_many()
    at = np.arange(rows * columns, dtype=np.uint32).reshape(rows, columns)
    nw, ne, sw, se = (a.ravel() for a in (at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]))
    faces = np.concatenate([np.column_stack([nw, sw, ne]), np.column_stack([ne, sw, se])])
    all_rows, all_columns = np.divmod(at.ravel().astype(np.int64), columns)
    return Tin(all_rows, all_columns, faces)


def _too_many() -> BadInputError:
    return BadInputError(
        f"so small an error needs more than {MAX_TRIANGLES:,} triangles: allow a larger "
        "max_error_m or detail_factor, or cut the image into tiles"
    )
