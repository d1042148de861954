"""The lines around a figure, between its pixels and those of the ground.

Marching squares: the line crosses each side of a square of four pixels' centres where the level
passes zero between two of them (Maple, "Geometric design and space planning using the marching
squares and marching cube algorithms", 2003). Pixels of the figure that touch at a corner only are
connected, so that a thin slanting line stays in one piece; so no two lines meet in a point, which
no printable body could have.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.silhouettes import Levels

type Indices = NDArray[np.int64]

_NEAREST = 1 / 64
"""A line keeps so far from a pixel's centre, in pixels: lines through one centre would meet."""

_LEFT, _TOP, _RIGHT, _BOTTOM = range(4)

_WAYS: dict[int, tuple[tuple[int, int], ...]] = {
    # corners in the figure: 1 north-west, 2 north-east, 4 south-east, 8 south-west; the figure
    # lies to the left of each way from one side of the square to another
    1: ((_LEFT, _TOP),),
    2: ((_TOP, _RIGHT),),
    3: ((_LEFT, _RIGHT),),
    4: ((_RIGHT, _BOTTOM),),
    5: ((_RIGHT, _TOP), (_LEFT, _BOTTOM)),
    6: ((_TOP, _BOTTOM),),
    7: ((_LEFT, _BOTTOM),),
    8: ((_BOTTOM, _LEFT),),
    9: ((_BOTTOM, _TOP),),
    10: ((_TOP, _LEFT), (_BOTTOM, _RIGHT)),
    11: ((_BOTTOM, _RIGHT),),
    12: ((_RIGHT, _LEFT),),
    13: ((_RIGHT, _TOP),),
    14: ((_TOP, _LEFT),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """Closed lines around figures and holes: rings, one after another.

    Attributes:
        points: column and row of every point, pixels' centres being whole numbers; shape (n, 2).
            The figure lies to the left of each ring, north being up.
        starts: index of each ring's first point, and the number of points at the end.
        owners: of each ring, the ring around the figure that it belongs to: its own index, or a
            smaller one for a hole.
    """

    points: NDArray[np.float64]
    starts: Indices
    owners: Indices


def contours_of(levels: Levels) -> Contours:
    """The rings of a figure, from north to south and from west to east."""
    padded = _with_ground_around(levels)
    inside = padded > 0
    across = np.flatnonzero(inside[:, 1:] != inside[:, :-1])  # between western and eastern pixels
    down = np.flatnonzero(inside[1:] != inside[:-1])  # between northern and southern ones
    columns = padded.shape[1]
    row, column = np.divmod(across, columns - 1)
    x = column + _crossing(padded[row, column], padded[row, column + 1])
    enters_hole = inside[row, column]
    points = [np.column_stack([x, row])]
    row_down, column_down = np.divmod(down, columns)
    y = row_down + _crossing(padded[row_down, column_down], padded[row_down + 1, column_down])
    points.append(np.column_stack([column_down, y]))
    order, starts = _rings(_next_crossings(inside, across, down), len(across))
    owners = _owners(order, starts, enters_hole)
    return Contours(np.concatenate(points)[order] - 1, starts, owners)  # 1: the ground around


def _with_ground_around(levels: Levels) -> Levels:
    """A pixel more on each side, so that a figure at the image's edge ends at that edge."""
    padded = np.pad(levels, 1, mode="edge")
    for side in (padded[0], padded[-1], padded[:, 0], padded[:, -1]):
        np.negative(np.abs(side), out=side)
    return padded


def _crossing(first: Levels, second: Levels) -> NDArray[np.float64]:
    """Where, from 0 to 1, a level passes zero between two pixels."""
    start = first.astype(np.float64)
    return np.clip(start / (start - second), _NEAREST, 1 - _NEAREST)


def _next_crossings(inside: NDArray[np.bool_], across: Indices, down: Indices) -> list[int]:
    """The crossing that follows each one on its ring; those of `across` come first."""
    bits = inside.astype(np.uint8)
    code = bits[:-1, :-1] | bits[:-1, 1:] << 1 | bits[1:, 1:] << 2 | bits[1:, :-1] << 3
    following = np.empty(len(across) + len(down), dtype=np.int64)
    columns = inside.shape[1]

    def crossings(side: int, row: Indices, column: Indices) -> Indices:
        if side in (_TOP, _BOTTOM):
            key = (row + (side == _BOTTOM)) * (columns - 1) + column
            found: Indices = np.searchsorted(across, key)
        else:
            found = len(across) + np.searchsorted(down, row * columns + column + (side == _RIGHT))
        return found

    for number, ways in _WAYS.items():
        row, column = np.nonzero(code == number)
        for start, end in ways:
            following[crossings(start, row, column)] = crossings(end, row, column)
    return following.tolist()


def _rings(following: list[int], across_count: int) -> tuple[Indices, Indices]:
    """All crossings ring by ring, and where each ring starts: at its first one from the north."""
    seen = bytearray(len(following))
    order: list[int] = []
    starts = [0]
    for first in range(across_count):  # each ring crosses at least one line of pixels
        if seen[first]:
            continue
        crossing = first
        while not seen[crossing]:
            seen[crossing] = 1
            order.append(crossing)
            crossing = following[crossing]
        starts.append(len(order))
    return np.array(order, dtype=np.int64), np.array(starts, dtype=np.int64)


def _owners(order: Indices, starts: Indices, enters_hole: NDArray[np.bool_]) -> Indices:
    """The ring around the figure that each ring belongs to.

    West of a hole's first crossing lies the figure, back to the crossing before, which is on a
    ring of the same figure that starts earlier.
    """
    lengths = np.diff(starts)
    ring_of = np.empty(len(order), dtype=np.int64)
    ring_of[order] = np.repeat(np.arange(len(lengths)), lengths)
    firsts = order[starts[:-1]]
    owners: list[int] = []
    for ring, (first, is_hole) in enumerate(
        zip(firsts.tolist(), enters_hole[firsts].tolist(), strict=True)
    ):
        owners.append(owners[int(ring_of[first - 1])] if is_hole else ring)
    return np.array(owners, dtype=np.int64)
