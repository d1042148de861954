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

type _Ints = NDArray[np.int64] | NDArray[np.int32]
type _Floats = NDArray[np.float64]

_PIXELS_AT_ONCE = 1_500_000
"""Rows are drawn in portions of so many pixels, which bounds the memory."""

_PIXELS_IN_CACHE = 30_000

_TOUCH = 1e-6
"""A pixel this near to a side lies on it. The sides of the largest image pass pixels at more."""

_NEXT = [1, 2, 0]
"""The corner after each corner of a triangle."""

_MOST_ROWS = np.uint16(65_535)
"""Minus a number of rows it sorts the most rows first."""


@dataclass(frozen=True, slots=True, eq=False)
class Tin:
    """A triangulated irregular network whose vertices are pixels of a grid.

    Attributes:
        rows, columns: the pixel of each vertex, shape (n,).
        faces: three vertices each, counter-clockwise as seen from above; shape (m, 3).
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
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
        _draw(sides, heights_m[first : first + portion], first, errors_m[first : first + portion])
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
    """The sides of all triangles, each once for its triangle; arrays (n,).

    Attributes:
        top, count: first row, and number of rows.
        column: at the top.
        slant: columns to the east per row.
        plane_m: height that the triangle's plane has at the top row and column 0...
        per_row_m: ...and its steps to the south...
        per_column_m: ...and to the east; all three negative on an eastern side, 0 on a level one.
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
        if first <= self.top.min() and bottom.max() <= last:
            return self
        here = np.flatnonzero((self.top < last) & (bottom > first))
        top = np.maximum(self.top[here], first)
        count = np.minimum(bottom[here], last) - top
        return self.below(here, top - self.top[here], count)

    def below(self, which: NDArray[np.intp], rows: _Ints | int, count: _Ints) -> "_Sides":
        """So many rows of some of them, from so many rows below their tops."""
        slant, per_row_m = self.slant[which], self.per_row_m[which]
        return _Sides(
            self.top[which] + rows,
            count,
            self.column[which] + rows * slant,
            slant,
            self.plane_m[which] + rows * per_row_m,
            per_row_m,
            self.per_column_m[which],
        )

    def after_the_first_row(self) -> "_Sides":
        """All but their first rows; the longest come first."""
        which = np.flatnonzero(self.count > 1)
        count = self.count[which]
        order = np.argsort(_MOST_ROWS - count.astype(np.uint16), kind="stable")
        return self.below(which[order], 1, count[order] - 1)


def _sides(tin: Tin, z_m: _Floats) -> _Sides:
    corners = tin.faces.T.astype(np.intp)
    rows, columns = (of.astype(np.int32)[corners] for of in (tin.rows, tin.columns))
    per_row_m, per_column_m = _planes(rows, columns, z_m[corners])
    at_zero_m = z_m[corners[0]] - per_row_m * rows[0] - per_column_m * columns[0]
    next_rows, next_columns = rows[_NEXT], columns[_NEXT]
    down = next_rows - rows
    is_west = down > 0  # counter-clockwise: what goes down has its triangle in the east
    top, count = np.minimum(rows, next_rows), np.maximum(np.abs(down), 1)
    slant = (next_columns - columns) / np.where(down, down, 1)
    column = np.where(is_west, columns, next_columns).astype(np.float64)
    sign = np.sign(down).astype(np.float64)
    per_row_m = sign * per_row_m
    plane_m = sign * at_zero_m + per_row_m * top
    per_column_m = sign * per_column_m
    return _Sides(
        *(of.ravel() for of in (top, count)),
        *(of.ravel() for of in (column, slant, plane_m, per_row_m, per_column_m)),
    )


def _draw(sides: _Sides, heights_m: HeightArray, first: int, errors_m: HeightArray) -> None:
    """Measure errors on some rows, all but the grid's last row and column.

    Args:
        sides: of all triangles.
        heights_m: of these rows.
        first: the first of these rows.
        errors_m: filled with the errors of these rows.
    """
    rows, columns = heights_m.shape
    pixels, planes_m, steps_m = _changes(sides.within(first, first + rows), first, columns)
    plane_m, step_m = (
        np.bincount(pixels, of, rows * columns).reshape(rows, columns) for of in (planes_m, steps_m)
    )
    places = np.arange(columns, dtype=np.float64)
    few = max(_PIXELS_IN_CACHE // columns, 1)
    for top in range(0, rows, few):
        some = slice(top, top + few)
        surface_m = np.cumsum(step_m[some], axis=1)
        surface_m *= places
        surface_m += np.cumsum(plane_m[some], axis=1)
        surface_m -= heights_m[some]
        np.abs(surface_m, out=errors_m[some], casting="same_kind")


def _changes(sides: _Sides, first: int, columns: int) -> tuple[_Ints, _Floats, _Floats]:
    """Pixels at which planes begin and end: their numbers, and what is added to plane and step.

    Args:
        sides: at least one.
        first: row of the first pixel.
        columns: pixels in a row.
    """
    total, at = int(sides.count.sum()), len(sides.top)
    pixels, planes_m, steps_m = np.empty(total, dtype=np.int64), np.empty(total), np.empty(total)
    np.ceil(sides.column - _TOUCH, out=pixels[:at], casting="unsafe")
    pixels[:at] += (sides.top - first) * np.int64(columns)
    planes_m[:at], steps_m[:at] = sides.plane_m, sides.per_column_m
    rest = sides.after_the_first_row()
    column, plane_m, row_start = rest.column - _TOUCH, rest.plane_m, (rest.top - first) * columns
    # so many sides, which are the first ones, reach the first, the second, ... row
    longest = int(rest.count.max(initial=0))
    reaching = np.searchsorted(-rest.count, -np.arange(1, longest + 1), side="right")
    for k in reaching.tolist():
        end = at + k
        np.ceil(column[:k], out=pixels[at:end], casting="unsafe")
        pixels[at:end] += row_start[:k]
        planes_m[at:end], steps_m[at:end] = plane_m[:k], rest.per_column_m[:k]
        column[:k] += rest.slant[:k]
        plane_m[:k] += rest.per_row_m[:k]
        row_start[:k] += columns
        at = end
    return pixels, planes_m, steps_m


def _planes(rows: _Ints, columns: _Ints, z_m: _Floats) -> tuple[_Floats, _Floats]:
    """Metres up per row to the south and per column to the east, of corners (3, m)."""
    (r1, r2), (c1, c2), (z1, z2) = (of[1:] - of[0] for of in (rows, columns, z_m))
    twice_area = r1 * c2 - r2 * c1
    return (z1 * c2 - z2 * c1) / twice_area, (z2 * r1 - z1 * r2) / twice_area
