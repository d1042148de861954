"""Fills voids: pixels without a height get one from those around them.

Pull and push (Gortler, Grzeszczuk, Szeliski and Cohen, "The Lumigraph", 1996): the known heights
are averaged into ever coarser grids until no void is left, and each void takes the height of the
coarser grid. A few steps of relaxation on each grid then make the filled part as smooth as a
stretched skin (Laplace's equation). The work grows with the number of pixels, not with the size
of the voids.
"""

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.heights import HeightArray

_RELAXATIONS = 4

type _Indices = NDArray[np.intp]


def fill_voids(heights_m: HeightArray) -> HeightArray:
    """The same heights, with a height in place of each NaN; at least one pixel must have one.

    A void on the edge that has heights before and behind it along the edge is filled from these
    alone, so that a neighbouring tile with the same edge gets the same heights there.
    """
    filled = heights_m.copy()
    for edge in (filled[0], filled[-1], filled[:, 0], filled[:, -1]):
        _fill_between(edge)
    return _filled(filled)


def _fill_between(edge: HeightArray) -> None:
    known = np.flatnonzero(~np.isnan(edge))
    if len(known) > 1:
        between = np.arange(known[0], known[-1] + 1)
        edge[between] = np.interp(between, known, edge[known])


def _filled(heights: HeightArray) -> HeightArray:
    rows, columns = np.nonzero(np.isnan(heights))
    if not len(rows):
        return heights
    coarse = _filled(_halved(heights))
    heights[rows, columns] = _at_middle(coarse, rows, columns)
    _relax(heights, rows, columns)
    return heights


def _halved(heights: HeightArray) -> HeightArray:
    """Means of the known ones of each two by two pixels."""
    odd_rows, odd_columns = (size % 2 for size in heights.shape)
    padded = np.pad(heights, ((0, odd_rows), (0, odd_columns)), constant_values=np.nan)
    quarters = [padded[r::2, c::2] for r in (0, 1) for c in (0, 1)]
    known, total = (np.zeros(quarters[0].shape, dtype=np.float32) for _ in range(2))
    for quarter in quarters:
        is_known = ~np.isnan(quarter)
        known += is_known
        np.add(total, quarter, out=total, where=is_known)
    means = np.full(known.shape, np.nan, dtype=np.float32)
    np.divide(total, known, out=means, where=known > 0)
    return means


def _at_middle(coarse: HeightArray, rows: _Indices, columns: _Indices) -> HeightArray:
    """Coarse heights at the middle of fine pixels, bilinear."""
    last_row, last_column = coarse.shape[0] - 1, coarse.shape[1] - 1
    own_r, own_c = rows // 2, columns // 2
    near_r = np.clip(np.where(rows % 2, own_r + 1, own_r - 1), 0, last_row)
    near_c = np.clip(np.where(columns % 2, own_c + 1, own_c - 1), 0, last_column)
    along = 0.75 * coarse[own_r, own_c] + 0.25 * coarse[own_r, near_c]
    beside = 0.75 * coarse[near_r, own_c] + 0.25 * coarse[near_r, near_c]
    heights: HeightArray = (0.75 * along + 0.25 * beside).astype(np.float32)
    return heights


def _relax(heights: HeightArray, rows: _Indices, columns: _Indices) -> None:
    last_row, last_column = heights.shape[0] - 1, heights.shape[1] - 1
    north, south = np.maximum(rows - 1, 0), np.minimum(rows + 1, last_row)
    west, east = np.maximum(columns - 1, 0), np.minimum(columns + 1, last_column)
    for _ in range(_RELAXATIONS):
        around = heights[north, columns] + heights[south, columns]
        around += heights[rows, west] + heights[rows, east]
        heights[rows, columns] = around / 4
