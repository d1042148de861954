"""Which triangle is seen at each pixel: a z-buffer in numpy, with no graphics card.

Each triangle is cut into rows of pixels, and each row into pixels, so that a long thin triangle
costs what it covers and not the rectangle around it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

type Screen = NDArray[np.float64]
"""x to the right and y down in pixels, depth growing towards the viewer; shape (n, 3)."""

_PIXELS_AT_ONCE = 500_000
"""Bounds the memory that is needed."""


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
        seen = z == depth[pixel]
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
    y_low = np.clip(np.ceil(corners[:, :, 1].min(axis=1) - 0.5), 0, size).astype(np.int64)
    y_high = np.clip(np.ceil(corners[:, :, 1].max(axis=1) - 0.5), 0, size).astype(np.int64)
    triangle, row = _counted(y_low, y_high)
    x_low, x_high = _span(corners[triangle], row + 0.5)
    left = np.clip(np.ceil(x_low - 0.5), 0, size).astype(np.int64)
    right = np.clip(np.ceil(x_high - 0.5), 0, size).astype(np.int64)
    span, column = _counted(left, right)
    triangle, row = triangle[span], row[span]
    origin, along_x, along_y = _depth_planes(corners)
    z = origin[triangle] + along_x[triangle] * (column + 0.5) + along_y[triangle] * (row + 0.5)
    return row * size + column, triangle, z


def _counted(
    low: NDArray[np.int64], high: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All whole numbers from each `low` up to its `high`, with the index of their pair."""
    lengths = np.maximum(high - low, 0)
    index = np.repeat(np.arange(len(low)), lengths)
    before = np.cumsum(lengths) - lengths
    return index, np.arange(len(index)) - before[index] + low[index]


def _span(
    corners: Screen, y: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From where to where, in x, each triangle reaches on its line at `y`."""
    low, high = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        x0, y0 = corners[:, first, 0], corners[:, first, 1]
        x1, y1 = corners[:, second, 0], corners[:, second, 1]
        crosses = (y0 <= y) != (y1 <= y)
        rise = np.where(crosses, y1 - y0, 1.0)
        x = x0 + (y - y0) / rise * (x1 - x0)
        low = np.where(crosses, np.minimum(low, x), low)
        high = np.where(crosses, np.maximum(high, x), high)
    return np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)


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
