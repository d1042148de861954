"""The rim of a terrain: neighbouring tiles get the same vertices along the edge that they share.

Which pixels of an edge become vertices depends on that edge's heights and the limit alone. Between
the edge and the triangulation of what lies inside it, which begins one pixel further in, runs a
band of triangles. No pixel lies inside the band, so it adds no error.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.heights import HeightArray
from trackflow.meshes.measuring import Tin

type _Ints = NDArray[np.int64]


def edge_vertices(lines_m: Sequence[HeightArray], max_error_m: float) -> list[_Ints]:
    """The pixels of each line that stay, so that straight lines between them are close to all.

    The ends stay; then, as in Douglas and Peucker (1973), the worst pixel of each stretch.

    Args:
        lines_m: heights, each of shape (n,); none depends on another.
        max_error_m: how far the straight lines may lie above or below any pixel.
    """
    z_m = np.concatenate(lines_m).astype(np.float64)
    pixels = np.arange(len(z_m))
    ends = np.cumsum([len(line) for line in lines_m])
    kept = np.unique(np.concatenate([[0], ends[:-1], ends - 1]))
    while len(kept) < len(pixels):
        off_m = np.abs(np.interp(pixels, kept, z_m[kept]) - z_m)
        worst_m = np.maximum.reduceat(off_m, kept[:-1])
        is_worst = off_m[:-1] == np.repeat(worst_m, np.diff(kept))
        candidates = np.flatnonzero(is_worst & (off_m[:-1] > max_error_m))
        if not len(candidates):
            break
        stretch = np.searchsorted(kept, candidates, side="right")
        is_first = np.diff(stretch, prepend=-1) > 0  # of several that are as bad
        kept = np.sort(np.concatenate([kept, candidates[is_first]]))
    lines = np.split(kept, np.searchsorted(kept, ends[:-1]))
    return [line - start for line, start in zip(lines, [0, *ends[:-1].tolist()], strict=True)]


def with_rim(inner: Tin, heights_m: HeightArray, max_error_m: float) -> Tin:
    """A mesh of a whole grid from one of its inside.

    Args:
        inner: covers rows 1 to n - 2 and columns 1 to m - 2 of the grid; a line or a point where
            these are one row or one column.
        heights_m: shape (n, m), both 3 at least.
        max_error_m: how far the mesh may lie above or below any pixel of the edge.
    """
    rows, columns = heights_m.shape
    edges_m = [heights_m[0], heights_m[:, -1], heights_m[-1], heights_m[:, 0]]
    north, east, south, west = edge_vertices(edges_m, max_error_m)
    # clockwise from the north-western corner
    outer = [(0, north), (columns - 1, east), (rows - 1, south[::-1]), (0, west[::-1])]
    rim_rows, rim_columns = _around(outer)
    at, sides = len(inner.rows), []
    for _, along in outer:
        sides.append(np.arange(at, at + len(along)))
        at += len(along) - 1
    sides[3][-1] = sides[0][0]
    all_rows = np.concatenate([inner.rows, rim_rows])
    all_columns = np.concatenate([inner.columns, rim_columns])
    bands = []
    for k, inner_side in enumerate(_inner_sides(inner, rows, columns)):
        position = all_columns if k % 2 == 0 else all_rows
        sign = 1 if k < 2 else -1
        bands.append(_band(sides[k], inner_side, sign * position))
    faces = np.concatenate([inner.faces, *(band.astype(np.uint32) for band in bands)])
    return Tin(all_rows, all_columns, faces)


def two_lines(heights_m: HeightArray, max_error_m: float) -> Tin:
    """A mesh of a grid of two rows or two columns, which is all rim.

    Args:
        heights_m: shape (2, n) or (n, 2).
        max_error_m: how far the mesh may lie above or below any pixel.
    """
    are_rows = heights_m.shape[0] == 2
    left, right = (heights_m[0], heights_m[1]) if are_rows else (heights_m[:, 1], heights_m[:, 0])
    left_at, right_at = edge_vertices([left, right], max_error_m)
    along = np.concatenate([left_at, right_at])
    across = np.repeat([0, 1] if are_rows else [1, 0], [len(left_at), len(right_at)])
    vertices = np.arange(len(along))
    faces = _band(vertices[: len(left_at)], vertices[len(left_at) :], along).astype(np.uint32)
    return Tin(across, along, faces) if are_rows else Tin(along, across, faces)


def _around(outer: list[tuple[int, _Ints]]) -> tuple[_Ints, _Ints]:
    """Rows and columns of the vertices on the rim, each corner once."""
    rows, columns = [], []
    for k, (fixed, along) in enumerate(outer):
        varying, constant = along[:-1], np.full(len(along) - 1, fixed, dtype=np.int64)
        rows.append(constant if k % 2 == 0 else varying)
        columns.append(varying if k % 2 == 0 else constant)
    return np.concatenate(rows), np.concatenate(columns)


def _inner_sides(inner: Tin, rows: int, columns: int) -> list[_Ints]:
    """Vertices of the inside that face each edge, clockwise from the north."""
    north, south = np.flatnonzero(inner.rows == 1), np.flatnonzero(inner.rows == rows - 2)
    west, east = np.flatnonzero(inner.columns == 1), np.flatnonzero(inner.columns == columns - 2)
    return [
        north[np.argsort(inner.columns[north])],
        east[np.argsort(inner.rows[east])],
        south[np.argsort(-inner.columns[south])],
        west[np.argsort(-inner.rows[west])],
    ]


def _band(outer: _Ints, inner: _Ints, position: _Ints) -> _Ints:
    """Triangles between two parallel lines of vertices, the outer one on the left.

    Each step of either line is the base of a triangle; its tip is the vertex of the other line
    that has been reached when the steps are taken in the order of their middles.

    Args:
        outer: vertices in order.
        inner: vertices in the same order.
        position: of every vertex along the lines, ascending in their order.
    """
    outer_at, inner_at = position[outer], position[inner]
    outer_middle, inner_middle = outer_at[1:] + outer_at[:-1], inner_at[1:] + inner_at[:-1]
    tip_of_outer = inner[np.searchsorted(inner_middle, outer_middle, side="left")]
    tip_of_inner = outer[np.searchsorted(outer_middle, inner_middle, side="right")]
    from_outer = np.column_stack([outer[:-1], tip_of_outer, outer[1:]])
    from_inner = np.column_stack([tip_of_inner, inner[:-1], inner[1:]])
    return np.concatenate([from_outer, from_inner])
