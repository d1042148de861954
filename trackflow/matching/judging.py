"""How well an answer of the engine explains the points: one cost in metres, for every answer.

The engine's own confidence compares its best answer with its second best among the roads that it
looked at; it cannot tell that all of them were wrong. So answers to the same points, asked with
different radii, are compared by what a driver would have had to do: be beside the road where the
points are, and make detours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.points import Bools, Floats
from trackflow.matching.pieces import Piece, Trace, steps

OFF_COST_M = 5.0
"""A point one standard deviation beside its road is as bad as a detour of so many metres (half a
square of the deviation, and an exponential of 10 m for detours: Newson & Krumm 2009)."""

OFF_CAP = 5.0
"""Beyond so many standard deviations a point is a bad one and says nothing of how bad the road is;
a point on no road costs as much."""

ERROR_S = 10.0
"""Errors of positions last for about so long."""

DETOUR_M = 100.0
"""Between points so far apart a detour says half as much as between close ones: roads wind."""

BREAK_COST_M = 50.0
"""A line that is torn is as bad as a detour of so many metres."""

WINDING = 1.25
"""Roads are longer than the way along points close to each other by less than this."""

WINDING_SPARSE = 2.0
"""And than the way along points `SPARSE_M` apart and more: there may be a bend between them."""

SPARSE_M = 500.0

SLACK_M = 50.0
"""So much longer than that a stretch may be at most: the tip of a dead end, a side of a square."""

DOUBT_M = 25.0
"""A stretch that is longer by more than this is doubted."""

ROOM_M = 150.0
"""Between points farther apart than this there is room for more than one way."""

SEEN_S = 10.0
"""What a device does within so many seconds, the points before and after show."""

FAR_M = 40.0
"""A point is far from the line beyond this, and beyond three times what it claims."""

FAR_POINTS = 3
FAR_RUN_M = 100.0
"""Points far from their line over more than this are not on it: the road is missing in the map..."""

DRIFT_S = 60.0
"""...unless they come back to it within so many seconds, and the way is as long as theirs..."""

DRIFT_M = 125.0
"""...and never farther off than this: then the positions were wrong, as between high houses."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of an answer.

    Attributes:
        cost_m: how badly it explains the points.
        is_doubtful: whether another answer might explain them better.
        bad: per piece, ranges of legs that no device can have driven.
        lost: how many points lie on no road.
    """

    cost_m: float
    is_doubtful: bool
    bad: list[list[tuple[int, int]]]
    lost: int


def judge(
    trace: Trace, asked: Sequence[int], pieces: Sequence[Piece], slowest_ms: float
) -> Verdict:
    """Judge an answer.

    Args:
        trace: the window's points.
        asked: indices of those that the engine was given.
        pieces: its answer.
        slowest_ms: how fast a device may be at least where no point shows it, m/s.
    """
    weight = _weights(trace, asked)
    nowhere = set(asked).difference(*(p.points for p in pieces), *(p.lost for p in pieces))
    lost = len(nowhere) + sum(len(p.lost) for p in pieces)
    cost_m = OFF_COST_M * OFF_CAP**2 * sum(weight[k] for k in sorted(nowhere))
    cost_m += BREAK_COST_M * max(len(pieces) - 1, 0)
    is_doubtful = len(pieces) != 1 or _open_m(trace, asked, nowhere) > FAR_RUN_M
    bad = []
    for piece in pieces:
        index, beside = np.array(piece.points), _Beside.of(trace, piece)
        off = beside.off_m / trace.noise_m[beside.index]
        w = np.array([weight[k] for k in beside.index.tolist()])
        off_m = OFF_COST_M * float((w * np.minimum(off * off, OFF_CAP**2)).sum())
        legs_m, path_m = piece.legs_m(), _paths_m(trace, index)
        winding_m = np.maximum(legs_m - path_m, 0) / (1 + path_m / DETOUR_M)
        cost_m += off_m + float(winding_m.sum())
        excess_m = legs_m - _allowed_m(trace, index, path_m, slowest_ms)
        ranges, worst_m = _too_long(excess_m, piece.off_m)
        far = _far_runs(trace, beside, legs_m, path_m)
        bad.append(_merged([*ranges, *far]))
        cost_m += BREAK_COST_M * len(bad[-1])
        is_doubtful |= bool(len(path_m)) and float(np.median(path_m)) > ROOM_M
        is_doubtful |= worst_m > DOUBT_M or bool(far) or piece.confidence < 0.3
        is_doubtful |= off_m > OFF_COST_M * 4 * w.sum()
    return Verdict(cost_m, is_doubtful, bad, lost)


@dataclass(frozen=True, slots=True, eq=False)
class _Beside:
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
    def of(cls, trace: Trace, piece: Piece) -> "_Beside":
        number = np.arange(len(piece.points))
        index = np.array([*piece.points, *piece.lost])
        order = np.argsort(index)
        before = np.array([*(number - 1), *piece.lost_leg])
        after = np.array([*number, *piece.lost_leg])
        off_m = np.concatenate([piece.off_m, piece.lost_off_m])
        return cls(index[order], off_m[order], before[order], after[order])


def _weights(trace: Trace, asked: Sequence[int]) -> dict[int, float]:
    """Errors of positions last for seconds: points close in time say the same twice."""
    gap_s = np.diff(trace.time_s[np.asarray(asked)])
    near_s = np.minimum(np.append(gap_s, 1e9), np.insert(gap_s, 0, 1e9))
    return dict(zip(asked, np.minimum(near_s / ERROR_S, 1.0).tolist(), strict=True))


def _open_m(trace: Trace, asked: Sequence[int], nowhere: set[int]) -> float:
    """The longest way along points in a row that no piece of the line passes."""
    if not nowhere:
        return 0.0
    longest, since = 0.0, float(trace.along_m[asked[0]])
    for k in asked:
        here = float(trace.along_m[k])
        longest = max(longest, here - since)
        if k not in nowhere:
            since = here
    return longest


def _paths_m(trace: Trace, index: np.ndarray) -> Floats:
    """How far it is from each point on the line to the next.

    Straight across a single point that was left out: it may be the one that is wrong.
    """
    along_m = steps(trace.along_m[index])
    straight_m = np.hypot(steps(trace.x[index]), steps(trace.y[index]))
    # `along_m` counts the points between, `index` too
    return np.where(along_m > 3 * straight_m, straight_m, along_m)


def _allowed_m(trace: Trace, index: np.ndarray, path_m: Floats, slowest_ms: float) -> Floats:
    """How long the way from each point to the next can be, beyond what its ends allow."""
    step_s = np.maximum(steps(trace.time_s[index]), 1e-3)
    winding = WINDING + (WINDING_SPARSE - WINDING) * np.minimum(path_m / SPARSE_M, 1)
    speed_ms = max(float(np.quantile(path_m / step_s, 0.9)), slowest_ms)
    return winding * path_m + speed_ms * np.maximum(step_s - SEEN_S, 0)


def _too_long(excess_m: Floats, off_m: Floats) -> tuple[list[tuple[int, int]], float]:
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
        elif best > 0 and total <= best - SLACK_M * 2 or total <= 0:
            over_m = best - float(off_m[span[0]] + off_m[span[1]])
            if best > 0:
                worst_m = max(worst_m, over_m)
                if over_m > SLACK_M:
                    found.append(span)
            total = 0.0
    return sorted(found), worst_m


def _far_runs(
    trace: Trace, beside: _Beside, legs_m: Floats, path_m: Floats
) -> list[tuple[int, int]]:
    """Ranges of legs whose points lie too far from the line to have been on it."""
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
        near = beside.index[[max(start - 1, 0), min(end, last)]]
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


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
