"""How far a mesh over a grid lies from every pixel's height, measured apart from what made it.

Every triangle is cut into the rows of pixels under it, and its plane is compared with the height of
each pixel there. Positions are whole pixels, so which pixel lies under which triangle is exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.heights import HeightArray

type _Ints = NDArray[np.int64]
type _Floats = NDArray[np.float64]

_PIXELS_AT_ONCE = 2_000_000
"""Bounds the memory: about 60 bytes are needed for each of them."""


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
    """The distance at each pixel, in metres; NaN where no triangle covers it.

    Args:
        tin: the mesh.
        heights_m: shape (rows, columns).
    """
    flat_m = heights_m.ravel()
    errors_m = np.full(flat_m.size, np.nan, dtype=np.float32)
    z_m = heights_m[tin.rows, tin.columns].astype(np.float64)
    columns = heights_m.shape[1]
    for faces in _portions(tin):
        pixels, surface_m = _pixels_under(tin, z_m, faces, columns)
        errors_m[pixels] = np.abs(surface_m - flat_m[pixels])
    return errors_m.reshape(heights_m.shape)


def _portions(tin: Tin) -> Iterator[NDArray[np.uint32]]:
    """Faces in portions whose rectangles hold a bounded number of pixels."""
    rows, columns = tin.rows[tin.faces], tin.columns[tin.faces]
    pixels = (np.ptp(rows, axis=1) + 1) * (np.ptp(columns, axis=1) + 1)
    portion = np.cumsum(pixels) // (2 * _PIXELS_AT_ONCE)
    starts = np.flatnonzero(np.diff(portion)) + 1
    yield from np.split(tin.faces, starts)


def _pixels_under(
    tin: Tin, z_m: _Floats, faces: NDArray[np.uint32], width: int
) -> tuple[_Ints, _Floats]:
    """Numbers of the pixels that faces cover, and the faces' height there."""
    by_row = np.argsort(tin.rows[faces], axis=1)
    sorted_faces = np.take_along_axis(faces, by_row, axis=1)
    r0, r1, r2 = tin.rows[sorted_faces].T
    c0, c1, c2 = tin.columns[sorted_faces].T
    slope_r, slope_c = _planes(tin, z_m, sorted_faces)

    count = r2 - r0 + 1
    face = np.repeat(np.arange(len(faces)), count)
    row = np.arange(len(face)) - np.repeat(np.cumsum(count) - count - r0, count)
    in_upper = (row <= r1[face]) & (r1 > r0)[face]
    from_r, from_c = np.where(in_upper, r0[face], r1[face]), np.where(in_upper, c0[face], c1[face])
    to_r, to_c = np.where(in_upper, r1[face], r2[face]), np.where(in_upper, c1[face], c2[face])
    long_side = _Side(c0[face], (row - r0[face]) * (c2 - c0)[face], (r2 - r0)[face])
    short_side = _Side(from_c, (row - from_r) * (to_c - from_c), to_r - from_r)
    # the turn at the middle vertex says on which side of the long side it lies
    is_long_left = (c1 - c0) * (r2 - r0) > (c2 - c0) * (r1 - r0)
    first = np.where(is_long_left[face], long_side.first, short_side.first)
    last = np.where(is_long_left[face], short_side.last, long_side.last)

    lengths = np.maximum(last - first + 1, 0)
    starts = np.cumsum(lengths) - lengths
    along = np.arange(int(lengths.sum()))
    pixels = np.repeat(row * width + first - starts, lengths) + along
    at_first_m = z_m[sorted_faces[:, 0]][face]
    at_first_m = at_first_m + slope_r[face] * (row - r0[face]) + slope_c[face] * (first - c0[face])
    step_m = slope_c[face]
    surface_m = (
        np.repeat(at_first_m - step_m * starts, lengths) + np.repeat(step_m, lengths) * along
    )
    return pixels, surface_m


class _Side:
    """The first and the last whole column on either side of a triangle's side, row by row."""

    def __init__(self, column: _Ints, numerator: _Ints, denominator: _Ints) -> None:
        self._column, self._numerator, self._denominator = column, numerator, denominator

    @property
    def first(self) -> _Ints:
        """The first column at or right of the side."""
        rounded_up: _Ints = self._column - (-self._numerator) // self._denominator
        return rounded_up

    @property
    def last(self) -> _Ints:
        """The last column at or left of the side."""
        rounded_down: _Ints = self._column + self._numerator // self._denominator
        return rounded_down


def _planes(tin: Tin, z_m: _Floats, faces: NDArray[np.uint32]) -> tuple[_Floats, _Floats]:
    """Metres up per row to the south and per column to the east, of each face."""
    a, b, c = faces.T
    r1, r2 = tin.rows[b] - tin.rows[a], tin.rows[c] - tin.rows[a]
    c1, c2 = tin.columns[b] - tin.columns[a], tin.columns[c] - tin.columns[a]
    z1, z2 = z_m[b] - z_m[a], z_m[c] - z_m[a]
    twice_area = (r1 * c2 - r2 * c1).astype(np.float64)
    return (z1 * c2 - z2 * c1) / twice_area, (z2 * r1 - z1 * r2) / twice_area
