"""How far the points of a piece lie beside its line, and where that is too far to be its road."""

from dataclasses import dataclass

import numpy as np

from trackflow.geo.points import Bools, Floats
from trackflow.matching.legs import DOUBT_M, WINDING
from trackflow.matching.pieces import Piece, Trace, steps

OFF_COST_M = 5.0
"""A point one standard deviation beside its road is as bad as a detour of so many metres (half a
square of the deviation, and an exponential of 10 m for detours: Newson & Krumm 2009)."""

OFF_CAP = 5.0
"""Beyond so many standard deviations a point is a bad one and says nothing of how bad the road is;
a point on no road costs as much."""

FAR_M = 40.0
"""A point is far from the line beyond this, and beyond three times what it claims."""

FAR_POINTS = 3
FAR_RUN_M = 100.0
"""More points than this, far from their line over more metres, are not on it: the road is missing
in the map..."""

DRIFT_S = 60.0
"""...unless they come back to it within so many seconds, and the way is as long as theirs..."""

DRIFT_M = 125.0
"""...and never farther off than this: then the positions were wrong, as between high houses."""


@dataclass(frozen=True, slots=True, eq=False)
class PiecePoints:
    """All points from a piece's first to its last, on its line or not.

    Attributes:
        index: of the points, in order.
        off_m: how far each is from the line.
        before: which leg ends at it, or passes it.
        after: which leg begins at it, or passes it.
    """

    index: np.ndarray
    off_m: Floats
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, piece: Piece) -> "PiecePoints":
        """The points of a piece."""
        number = np.arange(len(piece.points))
        index = np.array([*piece.points, *piece.lost], dtype=np.int64)
        order = np.argsort(index)
        before = np.array([*(number - 1), *piece.lost_leg])
        after = np.array([*number, *piece.lost_leg])
        off_m = np.concatenate([piece.off_m, piece.lost_off_m])
        return cls(index[order], off_m[order], before[order], after[order])

    def costs_m(self, trace: Trace, weight: Floats) -> Floats:
        """What each point costs for being beside the line."""
        off = self.off_m / trace.noise_m[self.index]
        cost_m: Floats = OFF_COST_M * weight[self.index] * np.minimum(off * off, OFF_CAP**2)
        return cost_m


def far_runs(
    trace: Trace, beside: PiecePoints, legs_m: Floats, path_m: Floats, allowed_m: Floats
) -> list[tuple[int, int]]:
    """Ranges of legs whose points lie too far from the line to have been on it.

    A wrong position makes the way along the points longer than the road. Where it is the road that
    is longer, one point far from it is enough: the road that was driven is missing in the map.

    Args:
        trace: the window's points.
        beside: those from the piece's first to its last.
        legs_m: length of the way from each point on the line to the next; shape (m,).
        path_m: the same along the points; shape (m,).
        allowed_m: how long the way can be; shape (m,).
    """
    far: Bools = beside.off_m > np.maximum(trace.noise_m[beside.index] * 3, FAR_M)
    if not far.any():
        return []
    edges = np.flatnonzero(np.diff(far, prepend=False, append=False))
    along_m, last = trace.along_m[beside.index], len(far) - 1
    found = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        low, high = max(int(beside.before[start]), 0), int(beside.after[end - 1]) + 1
        way_m, points_m = float(legs_m[low:high].sum()), float(path_m[low:high].sum())
        is_short = end - start <= FAR_POINTS or along_m[end - 1] - along_m[start] < FAR_RUN_M
        ends = [max(start - 1, 0), min(end, last)]
        near = beside.index[ends]
        # only where the points are far does the line go round: allow for so much of the way
        there = min(float(steps(along_m[ends])[0]) / max(points_m, 1.0), 1.0)
        slack_m = float(allowed_m[low:high].sum()) - points_m
        is_short &= way_m - points_m <= slack_m * there + DOUBT_M
        is_drift = (
            start > 0
            and end <= last
            and float(steps(trace.time_s[near])[0]) <= DRIFT_S
            and float(beside.off_m[start:end].max()) <= DRIFT_M
            and way_m <= WINDING * points_m + DOUBT_M
        )
        if not is_short and not is_drift:
            found.append((low, min(high, len(legs_m))))
    return found
