"""Which triangle is seen at each pixel: a z-buffer in numpy, with no graphics card.

Each triangle is cut into rows of pixels, and each row into pixels, so that a long thin triangle
costs what it covers and not the rectangle around it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

type Screen = NDArray[np.float64]
"""x to the right and y down in pixels, depth growing towards the viewer; shape (n, 3)."""

_PIXELS_AT_ONCE = 100_000
"""Bounds the memory that is needed; few enough for a processor's cache, which halves the time."""


def seen_triangles(screen: Screen, faces: NDArray[np.uint32], size: int) -> NDArray[np.int64]:
    """The nearest triangle at the middle of each pixel, -1 where there is none.

    Args:
        screen: vertices; pixel (0, 0) reaches from 0 to 1.
        faces: three vertices each; shape (m, 3).
        size: pixels to a side.

    Returns:
        Indices of triangles; shape (size, size), the first row on top.
    """
    depth = np.full(size * size, -np.inf)
    nearest = np.full(size * size, -1, dtype=np.int64)
    corners = screen[faces]
    for chosen in _groups(corners, size):
        pixel, triangle, z = _fragments(corners[chosen], size)
        np.maximum.at(depth, pixel, z)
        seen = np.flatnonzero(z == depth[pixel])
        nearest[pixel[seen]] = chosen[triangle[seen]]
    return nearest.reshape(size, size)


def _groups(corners: Screen, size: int) -> Iterator[NDArray[np.int64]]:
    """Triangles in groups that cover no more than so many pixels, those seen edge on left out."""
    (a, b, c) = (corners[:, corner, :2] for corner in range(3))
    area = np.abs((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    rows = np.clip(np.ptp(corners[:, :, 1], axis=1), 1, size)
    cost = np.cumsum(np.minimum(area, size * size) + 2 * rows)
    visible = np.flatnonzero(area > 1e-9)
    ends = np.searchsorted(cost[visible], np.arange(0, cost[-1], _PIXELS_AT_ONCE)[1:])
    yield from (group for group in np.split(visible, ends) if len(group))


def _fragments(
    corners: Screen, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The pixels that triangles cover: index of the pixel, of the triangle, and depth there."""
    triangle, row, low, high = _rows(corners, size)
    left = np.clip(np.ceil(low - 0.5), 0, size).astype(np.int64)
    right = np.clip(np.ceil(high - 0.5), 0, size).astype(np.int64)
    origin, along_x, along_y = _depth_planes(corners)
    start = origin[triangle] + along_y[triangle] * (row + 0.5)
    span, column = _counted(left, right)
    z = start[span] + along_x[triangle][span] * (column + 0.5)
    return (row * size)[span] + column, triangle[span], z


def _rows(
    corners: Screen, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Triangles cut into rows of pixels: triangle, row, and from where to where in x it reaches.

    The longest edge in y bounds a triangle on one side; on the other side one edge does above the
    middle vertex, another one below it. Edges go from top to bottom, so that both triangles of an
    edge find the same points on it.
    """
    order = np.argsort(corners[:, :, 1], axis=1)
    x = np.take_along_axis(corners[:, :, 0], order, axis=1)
    y = np.take_along_axis(corners[:, :, 1], order, axis=1)
    rows = np.clip(np.ceil(y - 0.5), 0, size).astype(np.int64)
    half, row = _counted(rows[:, :2].T.ravel(), rows[:, 1:].T.ravel())
    triangle = half % len(corners)
    middle = row + 0.5
    long = x[triangle, 0] + (middle - y[triangle, 0]) * _slope(x, y, 0, 2)[triangle]
    short_slope = np.concatenate([_slope(x, y, 0, 1), _slope(x, y, 1, 2)])
    short_x, short_y = x[:, :2].T.ravel(), y[:, :2].T.ravel()
    short = short_x[half] + (middle - short_y[half]) * short_slope[half]
    return triangle, row, np.minimum(long, short), np.maximum(long, short)


def _slope(
    x: NDArray[np.float64], y: NDArray[np.float64], first: int, second: int
) -> NDArray[np.float64]:
    """Change of x along y, of each triangle's edge; 0 where it lies in no row."""
    rise = y[:, second] - y[:, first]
    return np.divide(x[:, second] - x[:, first], rise, out=np.zeros(len(x)), where=rise > 0)


def _counted(
    low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All whole numbers from each `low` up to its `high`, with the index of their pair."""
    lengths = np.maximum(high - low, 0)
    index = np.repeat(np.arange(len(low)), lengths)
    before = np.cumsum(lengths) - lengths
    return index, np.arange(len(index)) - before[index] + low[index]


def _depth_planes(
    corners: Screen,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Depth at (0, 0), and its change along x and y, of each triangle's plane."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    along_x = (u[:, 2] * v[:, 1] - v[:, 2] * u[:, 1]) / area
    along_y = (v[:, 2] * u[:, 0] - u[:, 2] * v[:, 0]) / area
    origin = corners[:, 0, 2] - along_x * corners[:, 0, 0] - along_y * corners[:, 0, 1]
    return origin, along_x, along_y
