"""How far a mesh over a grid lies from every pixel's height, measured apart from what made it.

The surface is drawn row by row, as a scan-line renderer does: where a row enters a triangle, over
its western side, the triangle's plane is added to the row, and where it leaves it, over its eastern
side, the plane is taken away. The sums along the row are then the surface at every pixel. Vertices
are whole pixels, so which pixel lies under which triangle is exact.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.heights import HeightArray

type _Ints = NDArray[np.int64]
type _Floats = NDArray[np.float64]

_PIXELS_AT_ONCE = 1_500_000
"""Rows are drawn in portions of so many pixels, which bounds the memory."""

_TOUCH = 1e-6
"""A pixel this near to a side lies on it. The sides of the largest image pass pixels at more."""

_MOST_ROWS = np.uint16(65_535)
"""Minus a number of rows it sorts the most rows first."""


@dataclass(frozen=True, slots=True, eq=False)
class Tin:
    """A triangulated irregular network whose vertices are pixels of a grid.

    Attributes:
        rows, columns: the pixel of each vertex, shape (n,).
        faces: three vertices each, counter-clockwise as seen from above; shape (m, 3).
    """

    rows: _Ints
    columns: _Ints
    faces: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class MeasuredError:
    """Largest and mean distance, straight up or down, between a mesh and the pixels' heights."""

    max_m: float
    mean_m: float


def summary_of(errors_m: HeightArray, voids: NDArray[np.bool_] | None = None) -> MeasuredError:
    """Largest and mean error over the pixels that have a height of their own.

    Args:
        errors_m: at each pixel, shape (rows, columns).
        voids: pixels that were filled, and do not count.
    """
    known_m = errors_m if voids is None else errors_m[~voids]
    return MeasuredError(float(known_m.max()), float(known_m.mean(dtype=np.float64)))


def errors_on_pixels(tin: Tin, heights_m: HeightArray) -> HeightArray:
    """The distance at each pixel, in metres.

    Args:
        tin: the mesh; it covers the grid and no triangle lies over another.
        heights_m: shape (rows, columns).
    """
    rows, columns = heights_m.shape
    errors_m = np.empty(heights_m.shape, dtype=np.float32)
    z_m = heights_m[tin.rows, tin.columns].astype(np.float64)
    sides = _sides(tin, z_m)
    portion = max(_PIXELS_AT_ONCE // columns, 1)
    for first in range(0, rows, portion):
        last = min(first + portion, rows)
        surface_m = _drawn(sides, first, last, columns)
        np.subtract(surface_m, heights_m[first:last], out=surface_m)
        np.abs(surface_m, out=errors_m[first:last], casting="same_kind")
    # a triangle owns its western and northern pixels: the last row and column are left over
    south, east = tin.rows == rows - 1, tin.columns == columns - 1
    errors_m[-1] = _errors_on_line(tin.columns[south], heights_m[-1])
    errors_m[:, -1] = _errors_on_line(tin.rows[east], heights_m[:, -1])
    return errors_m


def _errors_on_line(vertices: _Ints, heights_m: HeightArray) -> _Floats:
    at = np.sort(vertices)
    line_m: _Floats = np.interp(np.arange(len(heights_m)), at, heights_m[at].astype(np.float64))
    return np.abs(line_m - heights_m)


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """The sides of all triangles that are not level, each once for its triangle; arrays (n,).

    Attributes:
        top, count: first row, and number of rows; the longest side comes first.
        column: at the top.
        slant: columns to the east per row.
        plane_m: height that the triangle's plane has at the top row and column 0...
        per_row_m: ...and its steps to the south...
        per_column_m: ...and to the east; all three negative on an eastern side.
    """

    top: _Ints
    count: _Ints
    column: _Floats
    slant: _Floats
    plane_m: _Floats
    per_row_m: _Floats
    per_column_m: _Floats

    def within(self, first: int, last: int) -> "_Sides":
        """What of them lies on rows `first` to before `last`."""
        bottom = self.top + self.count
        if first <= self.top.min(initial=first) and bottom.max(initial=last) <= last:
            return self
        here = np.flatnonzero((self.top < last) & (bottom > first))
        top = np.maximum(self.top[here], first)
        count = np.minimum(bottom[here], last) - top
        order = _longest_first(count)
        here, top, count = here[order], top[order], count[order]
        skipped = top - self.top[here]
        slant, per_row_m = self.slant[here], self.per_row_m[here]
        column = self.column[here] + skipped * slant
        plane_m = self.plane_m[here] + skipped * per_row_m
        return _Sides(top, count, column, slant, plane_m, per_row_m, self.per_column_m[here])


def _longest_first(count: _Ints) -> NDArray[np.intp]:
    return np.argsort(_MOST_ROWS - count.astype(np.uint16), kind="stable")


def _sides(tin: Tin, z_m: _Floats) -> _Sides:
    corners = tin.faces.T.astype(np.intp)
    rows, columns = tin.rows[corners], tin.columns[corners]
    per_row_m, per_column_m = _planes(rows, columns, z_m[corners])
    at_zero_m = z_m[corners[0]] - per_row_m * rows[0] - per_column_m * columns[0]
    down = rows[[1, 2, 0]] - rows
    is_west = down > 0  # counter-clockwise: what goes down has its triangle in the east
    top, count = np.minimum(rows, rows[[1, 2, 0]]), np.abs(down)
    slant = (columns[[1, 2, 0]] - columns) / np.where(down, down, 1)
    column = np.where(is_west, columns, columns[[1, 2, 0]])
    sign = np.where(is_west, 1.0, -1.0)
    per_row_m = sign * per_row_m
    plane_m = sign * at_zero_m + per_row_m * top
    order = _longest_first(count.ravel())[: np.count_nonzero(down)]
    return _Sides(
        top.ravel()[order],
        count.ravel()[order],
        column.ravel()[order].astype(np.float64),
        slant.ravel()[order],
        plane_m.ravel()[order],
        per_row_m.ravel()[order],
        (sign * per_column_m).ravel()[order],
    )


def _drawn(sides: _Sides, first: int, last: int, columns: int) -> _Floats:
    """The surface on rows `first` to before `last`, without the grid's last row and column."""
    size, here = (last - first) * columns, sides.within(first, last)
    total = int(here.count.sum())
    if not total:
        return np.zeros((last - first, columns))
    column, plane_m = here.column - _TOUCH, here.plane_m.copy()
    row_start = (here.top - first) * columns
    pixels, planes_m = np.empty(total, dtype=np.int64), np.empty(total)
    steps_m, at = np.empty(total), 0
    # so many sides, which are the first ones, reach the first, the second, ... row
    reaching = np.searchsorted(-here.count, -np.arange(1, here.count[0] + 1), side="right")
    for k in reaching.tolist():
        np.ceil(column[:k], out=pixels[at : at + k], casting="unsafe")
        pixels[at : at + k] += row_start[:k]
        planes_m[at : at + k], steps_m[at : at + k] = plane_m[:k], here.per_column_m[:k]
        column[:k] += here.slant[:k]
        plane_m[:k] += here.per_row_m[:k]
        row_start[:k] += columns
        at += k
    surface_m = np.bincount(pixels, planes_m, size).reshape(-1, columns)
    step_m = np.bincount(pixels, steps_m, size).reshape(-1, columns)
    np.cumsum(surface_m, axis=1, out=surface_m)
    np.cumsum(step_m, axis=1, out=step_m)
    step_m *= np.arange(columns, dtype=np.float64)
    surface_m += step_m
    return surface_m


def _planes(rows: _Ints, columns: _Ints, z_m: _Floats) -> tuple[_Floats, _Floats]:
    """Metres up per row to the south and per column to the east, of corners (3, m)."""
    (r1, r2), (c1, c2), (z1, z2) = (of[1:] - of[0] for of in (rows, columns, z_m))
    twice_area = r1 * c2 - r2 * c1
    return (z1 * c2 - z2 * c1) / twice_area, (z2 * r1 - z1 * r2) / twice_area
