"""How far a mesh over a grid lies from every pixel's height, measured apart from what made it.

The surface is drawn row by row, as a scan-line renderer does, all columns at once: where a column
enters a triangle, over a northern side, the triangle's plane is added to it, and where it leaves
it, over a southern side, the plane is taken away. The sums down a column are then the surface at
every pixel. Vertices are whole pixels, so which pixel lies under which triangle is exact.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.heights import HeightArray

type _Ints = NDArray[np.signedinteger]
type _Floats = NDArray[np.float64]

_PIXELS_AT_ONCE = 1_500_000
"""Rows are drawn in portions of so many pixels, which bounds the memory."""

_NARROW = 4
"""An image this many times higher than wide is turned first, so that rows are few and long."""

_TOUCH = 1e-6
"""A pixel this near to a side lies on it. The sides of the largest image pass pixels at more."""

_MANY_SIDES = 1_000
"""Fewer sides than this are drawn at once: a column at a time, calls of numpy would cost more."""

_MANY_LARGER = 0.9
"""Where more triangles than this share are larger than half a pixel, all are drawn."""

_NEXT = [1, 2, 0]
"""The corner after each corner of a triangle."""


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
    known_m = errors_m.ravel()
    largest_m, total_m, count = known_m.max(), known_m.sum(dtype=np.float64), known_m.size
    if voids is not None and voids.any():
        void_m = errors_m[voids]
        total_m, count = total_m - void_m.sum(dtype=np.float64), count - void_m.size
        if void_m.max() == largest_m:
            largest_m = errors_m[~voids].max()
    return MeasuredError(float(largest_m), float(total_m / count))


def errors_on_pixels(tin: Tin, heights_m: HeightArray) -> HeightArray:
    """The distance at each pixel, in metres.

    Args:
        tin: the mesh; it covers the grid and no triangle lies over another.
        heights_m: shape (rows, columns).
    """
    rows, columns = heights_m.shape
    if rows > _NARROW * columns:
        turned = Tin(tin.columns, tin.rows, tin.faces[:, ::-1])
        return errors_on_pixels(turned, np.ascontiguousarray(heights_m.T)).T
    errors_m = np.empty(heights_m.shape, dtype=np.float32)
    sides = _sides(tin, heights_m[tin.rows, tin.columns].astype(np.float64))
    at_end_m = np.zeros((2, columns))
    portion = max(_PIXELS_AT_ONCE // columns, 1)
    for first in range(0, rows, portion):
        last = min(first + portion, rows)
        here = sides if last - first == rows else sides.between(first, last)
        changes_m = _changes(here, first, last, columns)
        for sums_m, before_m in zip(changes_m, at_end_m, strict=True):
            sums_m[0] += before_m
            for above_m, row_m in pairwise(sums_m):  # faster than cumsum along an outer axis
                np.add(row_m, above_m, out=row_m)
            before_m[:] = sums_m[-1]
        planes_m, steps_m = changes_m
        steps_m *= np.arange(first, last)[:, np.newaxis]
        planes_m += steps_m
        planes_m -= heights_m[first:last]
        errors_m[first:last] = planes_m
    np.abs(errors_m, out=errors_m)
    errors_m[tin.rows, tin.columns] = 0  # also where only triangles of three pixels meet
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
        left, count: first column, and number of columns.
        row: in the first column.
        slant: rows to the south per column.
        plane_m: height that the triangle's plane has in the first column and row 0...
        per_column_m: ...and its steps to the east...
        per_row_m: ...and to the south; all three negative on a southern side, and 0 on one that
            runs straight to the south.
    """

    left: _Ints
    count: _Ints
    row: _Floats
    slant: _Floats
    plane_m: _Floats
    per_column_m: _Floats
    per_row_m: _Floats

    def between(self, first: int, last: int) -> "_Sides":
        """Those that touch rows `first` to before `last`, and perhaps others."""
        end = self.row + self.slant * self.count
        north, south = np.minimum(self.row, end), np.maximum(self.row, end)
        return self.part(np.flatnonzero((north < last) & (south > first - 1)), 0)

    def part(self, which: NDArray[np.intp], skipped: int) -> "_Sides":
        """Some of them, without so many of their first columns."""
        slant, per_column_m = self.slant[which], self.per_column_m[which]
        return _Sides(
            self.left[which] + skipped,
            self.count[which] - skipped,
            self.row[which] + skipped * slant,
            slant,
            self.plane_m[which] + skipped * per_column_m,
            per_column_m,
            self.per_row_m[which],
        )

    def after_the_first_column(self) -> "_Sides":
        """All but their first columns; the longest come first."""
        which = np.flatnonzero(self.count > 1)
        count = self.count[which]
        longest = int(count.max(initial=0))
        shortness = (longest - count).astype(np.min_scalar_type(longest))  # 16 bits sort fastest
        return self.part(which[np.argsort(shortness, kind="stable")], 1)


def _sides(tin: Tin, z_m: _Floats) -> _Sides:
    corners = tin.faces.T.astype(np.intp, order="C")
    rows: _Ints = tin.rows.astype(np.int32)[corners]
    columns: _Ints = tin.columns.astype(np.int32)[corners]
    twice_area = _twice_areas(rows, columns)
    larger = np.flatnonzero(twice_area != 1)
    if len(larger) < _MANY_LARGER * len(twice_area):
        # one with half a pixel's area holds no pixel but its corners (Pick's theorem): what it adds
        # in a column, it takes away at the same pixel
        corners, twice_area = corners[:, larger], twice_area[larger]
        rows, columns = rows[:, larger], columns[:, larger]
    per_row_m, per_column_m = _planes(rows, columns, z_m[corners], twice_area)
    at_zero_m = z_m[corners[0]] - per_row_m * rows[0] - per_column_m * columns[0]
    next_rows, next_columns = rows[_NEXT], columns[_NEXT]
    across = next_columns - columns
    # counter-clockwise: what goes to the west has its triangle in the south, and begins it
    sign = -np.sign(across).astype(np.float64)
    left = np.minimum(columns, next_columns)
    per_column_m = sign * per_column_m
    return _Sides(
        left.ravel(),
        np.maximum(np.abs(across), 1).ravel(),
        np.where(across > 0, rows, next_rows).ravel().astype(np.float64),
        ((next_rows - rows) / np.where(across, across, 1)).ravel(),
        (sign * at_zero_m + per_column_m * left).ravel(),
        per_column_m.ravel(),
        (sign * per_row_m).ravel(),
    )


def _changes(sides: _Sides, first: int, last: int, columns: int) -> tuple[_Floats, _Floats]:
    """What is added at each pixel of some rows to the planes and steps of its column.

    Args:
        sides: all that touch these rows.
        first: the first row.
        last: the row after the last.
        columns: pixels in a row.

    Returns:
        Plane and step, each of shape (last - first, columns).
    """
    total, at = int(sides.count.sum()), len(sides.left)
    pixels, planes_m, steps_m = np.empty(total, dtype=np.int64), np.empty(total), np.empty(total)
    np.ceil(sides.row - (first + _TOUCH), out=pixels[:at], casting="unsafe")
    pixels[:at] *= columns
    pixels[:at] += sides.left
    planes_m[:at], steps_m[:at] = sides.plane_m, sides.per_row_m
    rest = sides.after_the_first_column()
    row, plane_m, column = rest.row - (first + _TOUCH), rest.plane_m, rest.left
    # so many sides, which are the first ones, reach the first, the second, ... column
    longest = int(rest.count.max(initial=0))
    reaching = np.searchsorted(-rest.count, -np.arange(1, longest + 1), side="right")
    many = int(np.searchsorted(-reaching, -_MANY_SIDES, side="right"))
    for k in reaching[:many].tolist():
        end = at + k
        np.ceil(row[:k], out=pixels[at:end], casting="unsafe")
        pixels[at:end] *= columns
        pixels[at:end] += column[:k]
        planes_m[at:end], steps_m[at:end] = plane_m[:k], rest.per_row_m[:k]
        row[:k] += rest.slant[:k]
        plane_m[:k] += rest.per_column_m[:k]
        column[:k] += 1
        at = end
    # the few long ones: all of their columns at once
    long = int(reaching[many]) if many < longest else 0
    left_over = rest.count[:long] - many
    side = np.repeat(np.arange(long), left_over)
    step = np.arange(len(side)) - np.repeat(np.cumsum(left_over) - left_over, left_over)
    np.ceil(row[side] + step * rest.slant[side], out=pixels[at:], casting="unsafe")
    pixels[at:] *= columns
    pixels[at:] += column[side] + step
    planes_m[at:] = plane_m[side] + step * rest.per_column_m[side]
    steps_m[at:] = rest.per_row_m[side]
    size = (last - first) * columns
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) >= size:
        here = (pixels >= 0) & (pixels < size)
        pixels, planes_m, steps_m = pixels[here], planes_m[here], steps_m[here]
    plane_sums, step_sums = (
        # of nothing, it counts in whole numbers
        np.bincount(pixels, of, size).astype(np.float64, copy=False).reshape(-1, columns)
        for of in (planes_m, steps_m)
    )
    return plane_sums, step_sums


def _twice_areas(rows: _Ints, columns: _Ints) -> _Ints:
    """Of triangles with corners (3, m), positive where they go counter-clockwise."""
    (r1, r2), (c1, c2) = (of[1:] - of[0] for of in (rows, columns))
    twice_area: _Ints = r1 * c2 - r2 * c1
    return twice_area


def _planes(
    rows: _Ints, columns: _Ints, z_m: _Floats, twice_area: _Ints
) -> tuple[_Floats, _Floats]:
    """Metres up per row to the south and per column to the east, of corners (3, m)."""
    (r1, r2), (c1, c2), (z1, z2) = (of[1:] - of[0] for of in (rows, columns, z_m))
    return (z1 * c2 - z2 * c1) / twice_area, (z2 * r1 - z1 * r2) / twice_area
