"""The way from each point of a piece to the next: how long it may be, and where it is too long."""

import numpy as np

from trackflow.geo.points import Floats
from trackflow.matching.pieces import Piece, Trace, quantile, steps, summed

DETOUR_M = 200.0
"""Between points so far apart a detour is half as bad as between close ones: roads wind."""

WINDING = 1.25
"""Roads are longer than the way along points close to each other by less than this."""

WINDING_SPARSE = 2.0
"""And than the way along points `SPARSE_M` apart and more: there may be a bend between them."""

SPARSE_M = 500.0

SLACK_M = 50.0
"""So much longer than that a stretch may be at most: the tip of a dead end, a side of a square."""

DOUBT_M = 25.0
"""A stretch that is longer by more than this is doubted."""

SEEN_S = 10.0
"""What a device does within so many seconds, the points before and after show."""

MIN_STEP_S = 0.001
"""Keeps speeds finite."""


def windings_m(legs_m: Floats, path_m: Floats) -> Floats:
    """What each leg costs for being longer than the way along its points."""
    cost_m: Floats = np.maximum(legs_m - path_m, 0) / (1 + path_m / DETOUR_M)
    return cost_m


def paths_m(trace: Trace, piece: Piece) -> Floats:
    """How far it is from each point on the line to the next, along the points.

    Straight where the points between go three times as far: it is they that are wrong.
    """
    index = np.array(piece.points)
    along_m = steps(trace.along_m[index])
    straight_m = np.hypot(steps(trace.x[index]), steps(trace.y[index]))
    path_m: Floats = np.where(along_m > 3 * straight_m, straight_m, along_m)
    return path_m


def allowed_ways_m(trace: Trace, piece: Piece, path_m: Floats, slowest_ms: float) -> Floats:
    """How long the way from each point to the next can be, beyond what its ends allow.

    Points between the two that were put on no road show the way as well.

    Args:
        trace: the points of the window.
        piece: a stretch of road and the points on it.
        path_m: metres along the points from each point of the piece to the next, shape (k - 1,).
        slowest_ms: metres per second, the least speed that is assumed where no point is seen.
    """
    if not len(path_m):
        return path_m
    index = np.array(piece.points)
    step_s = np.maximum(steps(trace.time_s[index]), MIN_STEP_S)
    shown = np.sort(np.concatenate([index, np.array(piece.lost, dtype=np.int64)]))
    unseen_s = summed(np.maximum(steps(trace.time_s[shown]) - SEEN_S, 0))
    at = np.searchsorted(shown, index)
    apart_m = path_m / steps(at)
    winding = WINDING + (WINDING_SPARSE - WINDING) * np.minimum(apart_m / SPARSE_M, 1)
    # a device that drives on between its points does so as fast as they show elsewhere
    speed_ms = max(quantile(path_m / step_s, 0.9), slowest_ms)
    allowed_m: Floats = winding * path_m + speed_ms * steps(unseen_s[at])
    return allowed_m


def too_long(excess_m: Floats, off_m: Floats) -> tuple[list[tuple[int, int]], float]:
    """Ranges of legs that are together longer than allowed, and by how much the worst one is.

    Single legs first, then what is left: many small detours make a battlement.
    """
    ends_m = off_m[1:] + off_m[:-1]
    excess_m = excess_m.copy()
    worst_m = float((excess_m - ends_m).max(initial=0.0))
    alone = np.flatnonzero(excess_m - ends_m > SLACK_M).tolist()
    found = [(k, k + 1) for k in alone]
    excess_m[alone] = -np.inf
    total, start, best, span = 0.0, 0, 0.0, (0, 0)
    for k, more in enumerate([*excess_m.tolist(), -np.inf]):
        if total <= 0:
            total, start, best = 0.0, k, 0.0
        total += more
        if total > best:
            best, span = total, (start, k + 1)
        elif (best > 0 and total <= best - SLACK_M * 2) or total <= 0:
            over_m = best - float(off_m[span[0]] + off_m[span[1]])
            if best > 0:
                worst_m = max(worst_m, over_m)
                if over_m > SLACK_M:
                    found.append(span)
            total = 0.0
    return sorted(found), worst_m
