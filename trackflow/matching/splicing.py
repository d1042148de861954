"""Several answers to the same points: where they differ, and the better one of each stretch.

The engine is asked with one radius for a whole window, but which radius is right is a matter of
each street. Two answers that drive a step from point to point alike can be joined there. So what a
window's line is in one place does not depend on which answer is better in another.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from trackflow.matching.pieces import Piece

SAME_M = 10.0
"""Two answers go the same way where they differ by less than this."""

JOIN_M = 0.5
"""They can be joined where they differ by less than this: the engine's grid is 0.1 m wide."""

type Way = tuple[float, ...]
type Stretch = tuple[int | None, int | None]
"""From a point to a point, both included; None for the first and the last one."""


def difference(pieces: Sequence[Piece], others: Sequence[Piece]) -> float:
    """Share of the steps of an answer that another answer to the same points puts elsewhere."""
    ours = _ways(pieces)
    return 1 - len(_same(ours, _ways(others), SAME_M)) / len(ours) if ours else 0.0


def differing(
    asked: Sequence[int], pieces: Sequence[Piece], others: Sequence[Piece]
) -> list[Stretch]:
    """Stretches where two answers differ between steps that they drive alike."""
    same = _same(_ways(pieces), _ways(others), JOIN_M)
    if not same:
        return []
    found: list[Stretch] = [(None, same[0][0])] if same[0][0] > asked[0] else []
    found += [(a[1], b[0]) for a, b in pairwise(same) if a[1] < b[0]]
    return [*found, (same[-1][1], None)] if same[-1][1] < asked[-1] else found


def spliced(pieces: Sequence[Piece], others: Sequence[Piece], stretch: Stretch) -> list[Piece]:
    """An answer with a stretch of another one, which `differing` has found."""
    start, end = stretch
    made: list[Piece] = []
    for source, since, until in ((pieces, None, start), (others, start, end), (pieces, end, None)):
        if source is pieces and since is until:
            continue  # the stretch begins with the first point, or ends with the last
        for piece in _between(source, since, until):
            if made and made[-1].points[-1] == piece.points[0]:
                made[-1] = _joined(made[-1], piece)
            else:
                made.append(piece)
    return made


def _ways(pieces: Sequence[Piece]) -> dict[tuple[int, int], Way]:
    """For each step from point to point: where it begins and ends, and its length."""
    ways: dict[tuple[int, int], Way] = {}
    for piece in pieces:
        x, y = piece.x[piece.vertex].tolist(), piece.y[piece.vertex].tolist()
        legs_m = piece.legs_m().tolist()
        for k, step in enumerate(pairwise(piece.points)):
            ways[step] = (x[k], y[k], x[k + 1], y[k + 1], legs_m[k])
    return ways


def _same(
    ours: dict[tuple[int, int], Way], theirs: dict[tuple[int, int], Way], within_m: float
) -> list[tuple[int, int]]:
    """The steps that two answers drive alike."""
    return [
        step
        for step, way in ours.items()
        if step in theirs
        and all(abs(a - b) < within_m for a, b in zip(way, theirs[step], strict=True))
    ]


def _between(pieces: Sequence[Piece], since: int | None, until: int | None) -> list[Piece]:
    """What an answer has between two of its points."""
    found = []
    for piece in pieces:
        points = piece.points
        if (since is not None and points[-1] <= since) or (
            until is not None and points[0] >= until
        ):
            continue
        low = points.index(since) if since is not None and points[0] < since else 0
        last = len(points) - 1
        high = points.index(until) if until is not None and points[-1] > until else last
        found.append(piece if high - low == last else piece.part(low, high + 1))
    return found


def _joined(left: Piece, right: Piece) -> Piece:
    """Two pieces as one: the second begins with the point and place where the first one ends."""
    ours, theirs = slice(None, left.vertex[-1] + 1), slice(right.vertex[0] + 1, None)
    moved = left.vertex[-1] - right.vertex[0]
    further_m = left.along_m[left.vertex[-1]] - right.along_m[right.vertex[0]]
    return replace(
        left,
        points=left.points + right.points[1:],
        vertex=left.vertex + [v + moved for v in right.vertex[1:]],
        off_m=np.concatenate([left.off_m, right.off_m[1:]]),
        lon=np.concatenate([left.lon[ours], right.lon[theirs]]),
        lat=np.concatenate([left.lat[ours], right.lat[theirs]]),
        x=np.concatenate([left.x[ours], right.x[theirs]]),
        y=np.concatenate([left.y[ours], right.y[theirs]]),
        along_m=np.concatenate([left.along_m[ours], right.along_m[theirs] + further_m]),
        confidence=min(left.confidence, right.confidence),
        lost=left.lost + right.lost,
        lost_off_m=np.concatenate([left.lost_off_m, right.lost_off_m]),
        lost_leg=left.lost_leg + [leg + len(left.points) - 1 for leg in right.lost_leg],
    )
