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
from trackflow.matching.pieces import Piece, Trace, quantile, steps, summed

OFF_COST_M = 5.0
"""A point one standard deviation beside its road is as bad as a detour of so many metres (half a
square of the deviation, and an exponential of 10 m for detours: Newson & Krumm 2009)."""

OFF_CAP = 5.0
"""Beyond so many standard deviations a point is a bad one and says nothing of how bad the road is;
a point on no road costs as much."""

DETOUR_M = 200.0
"""Between points so far apart a detour says half as much as between close ones: roads wind."""

BREAK_COST_M = 150.0
"""A line that is torn, or open at an end, is as bad as a detour of so many metres."""

WINDING = 1.25
"""Roads are longer than the way along points close to each other by less than this."""

WINDING_SPARSE = 2.0
"""And than the way along points `SPARSE_M` apart and more: there may be a bend between them."""

SPARSE_M = 500.0

SLACK_M = 50.0
"""So much longer than that a stretch may be at most: the tip of a dead end, a side of a square."""

DOUBT_M = 25.0
"""A stretch that is longer by more than this is doubted."""

ROOM_M = 250.0
"""Between points farther apart than this, two blocks of a town, there are several ways of one
length."""

SEEN_S = 10.0
"""What a device does within so many seconds, the points before and after show."""

FAR_M = 40.0
"""A point is far from the line beyond this, and beyond three times what it claims."""

FAR_POINTS = 3
FAR_RUN_M = 100.0
"""More points than this, far from their line over more metres, are not on it: the road is missing
in the map..."""

UNSURE_SHARE = 0.15
"""An answer with detours of more than this share of its length is compared with others."""

FIT_M, FIT_SHARE = 50.0, 0.2
"""A line fits badly when its cost is this much and this share of its length."""

ALONE_S = 20.0
ALONE_OFF = 2.9
"""Where points follow each other so slowly, each is the only witness of its place: one that lies
so many standard deviations from its road is no bad point among good ones, but a doubt."""

SUSPECT_REACH = 1
"""So many points on either side of a wrong one are asked for anew with it."""

SHOWN_M = 2000.0
"""Two points show so much of the way between them; the rest of it is the engine's guess."""

MIN_STEP_S = 0.001
"""Keeps speeds finite."""

DRIFT_S = 60.0
"""...unless they come back to it within so many seconds, and the way is as long as theirs..."""

DRIFT_M = 125.0
"""...and never farther off than this: then the positions were wrong, as between high houses."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of an answer.

    Attributes:
        cost_m: how badly it explains the points.
        is_broken: whether points in a row lie on no road, or a stretch cannot have been driven.
        is_sparse: whether there is room for more than one way between the points.
        is_doubtful: whether another answer might explain the points better.
        bad: per piece, ranges of legs that no device can have driven.
        lost: indices of the points that were put on no road.
        suspect: indices of the points around what is wrong, or all of them if that may be anywhere.
    """

    cost_m: float
    is_broken: bool
    is_sparse: bool
    is_doubtful: bool
    bad: list[list[tuple[int, int]]]
    lost: list[int]
    suspect: list[int]


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
    weight = trace.weights(asked)
    nowhere = set(asked).difference(*(p.points for p in pieces), *(p.lost for p in pieces))
    cost_m = OFF_COST_M * OFF_CAP**2 * float(weight[sorted(nowhere)].sum())
    cost_m += BREAK_COST_M * (len(pieces) - 1 + sum(k in nowhere for k in (asked[0], asked[-1])))
    is_broken = _open_m(trace, asked, pieces) > FAR_RUN_M
    is_sparse = quantile(steps(trace.along_m[np.asarray(asked)]), 0.5) > ROOM_M
    is_doubtful = is_sparse
    are_alone = quantile(steps(trace.time_s[np.asarray(asked)]), 0.5) >= ALONE_S
    bad = []
    suspect = set(nowhere)
    for piece in pieces:
        index = np.array(piece.points)
        suspect |= {piece.points[0], piece.points[-1]} - {asked[0], asked[-1]}
        beside = _Beside.of(piece)
        off_m = beside.costs_m(trace, weight)
        legs_m, path_m = piece.legs_m(), _paths_m(trace, piece)
        allowed_m = _allowed_m(trace, piece, path_m, slowest_ms)
        ranges, worst_m = _too_long(legs_m - allowed_m, piece.off_m)
        far = _far_runs(trace, beside, legs_m, path_m, allowed_m)
        bad.append(_merged([*ranges, *far]))
        winding_m = float(_windings_m(legs_m, path_m).sum())
        cost_m += float(off_m.sum()) + winding_m
        cost_m += BREAK_COST_M * len(bad[-1])
        is_broken |= worst_m > DOUBT_M or bool(far)
        is_doubtful |= winding_m > DOUBT_M + UNSURE_SHARE * float(path_m.sum())
        is_doubtful |= float(off_m.sum()) > OFF_COST_M * 4 * float(weight[beside.index].sum())
        if are_alone:
            alone = index[piece.off_m > ALONE_OFF * trace.noise_m[index]]
            is_doubtful |= len(alone) > 0
            suspect |= set(alone.tolist())
        detours = np.flatnonzero(legs_m - path_m > DOUBT_M)
        suspect |= {*piece.lost, *index[detours].tolist(), *index[detours + 1].tolist()}
    lost = sorted(nowhere.union(*(p.lost for p in pieces)))
    around = list(asked) if is_sparse or not suspect else _around(asked, suspect)
    return Verdict(cost_m, is_broken, is_sparse, is_broken or is_doubtful, bad, lost, around)


def _around(asked: Sequence[int], suspect: set[int]) -> list[int]:
    """Some of the points that were asked for and those next to them."""
    reach = range(-SUSPECT_REACH, SUSPECT_REACH + 1)
    places = {place + by for place, k in enumerate(asked) if k in suspect for by in reach}
    return [asked[place] for place in sorted(places) if 0 <= place < len(asked)]


def fit(trace: Trace, pieces: Sequence[Piece], slowest_ms: float) -> float:
    """How well pieces of a final line explain their points within the window, 0 to 1.

    1 means points on the line, a way as long as theirs, and no long way without points; the cost
    of a good match in ordinary noise gives about .9, and a line that is as wrong as it is long next
    to nothing. `slowest_ms` as in `judge`.
    """
    first, last = trace.seam
    weight = trace.weights(trace.kept)
    cost_m = length_m = shown_m = 0.0
    for piece in pieces:
        legs_m, path_m = piece.legs_m(), _paths_m(trace, piece)
        index = np.array(piece.points)
        own = (index[1:] > first) & (index[:-1] < last)
        if not own.any():
            continue
        beside = _Beside.of(piece)
        inside = (beside.index >= index[:-1][own][0]) & (beside.index <= index[1:][own][-1])
        cost_m += float(beside.costs_m(trace, weight)[inside].sum())
        allowed_m = _allowed_m(trace, piece, path_m, slowest_ms)
        # half of what there was time for beyond the points is no misfit
        unseen_m = np.maximum(allowed_m - WINDING * path_m, 0) / 2
        cost_m += float(_windings_m(legs_m - unseen_m, path_m)[own].sum())
        driven_m = np.minimum(legs_m, allowed_m)[own]
        length_m += float(driven_m.sum())
        shown_m += float(np.minimum(driven_m, SHOWN_M).sum())
    if not length_m:
        return 0.0
    return shown_m / length_m * float(np.exp(-cost_m / (FIT_M + FIT_SHARE * length_m)))


def _windings_m(legs_m: Floats, path_m: Floats) -> Floats:
    """What each leg costs for being longer than the way along its points."""
    cost_m: Floats = np.maximum(legs_m - path_m, 0) / (1 + path_m / DETOUR_M)
    return cost_m


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
    def of(cls, piece: Piece) -> "_Beside":
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


def _open_m(trace: Trace, asked: Sequence[int], pieces: Sequence[Piece]) -> float:
    """The longest way along points that no piece of the line covers."""
    longest, since = 0.0, asked[0]
    for first, last in [*((p.points[0], p.points[-1]) for p in pieces), (asked[-1], asked[-1])]:
        longest = max(longest, float(trace.along_m[first] - trace.along_m[since]))
        since = last
    return longest


def _paths_m(trace: Trace, piece: Piece) -> Floats:
    """How far it is from each point on the line to the next, along the points.

    Straight where the points between go three times as far: it is they that are wrong.
    """
    index = np.array(piece.points)
    along_m = steps(trace.along_m[index])
    straight_m = np.hypot(steps(trace.x[index]), steps(trace.y[index]))
    path_m: Floats = np.where(along_m > 3 * straight_m, straight_m, along_m)
    return path_m


def _allowed_m(trace: Trace, piece: Piece, path_m: Floats, slowest_ms: float) -> Floats:
    """How long the way from each point to the next can be, beyond what its ends allow.

    Points between the two that were put on no road show the way as well.
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
        elif (best > 0 and total <= best - SLACK_M * 2) or total <= 0:
            over_m = best - float(off_m[span[0]] + off_m[span[1]])
            if best > 0:
                worst_m = max(worst_m, over_m)
                if over_m > SLACK_M:
                    found.append(span)
            total = 0.0
    return sorted(found), worst_m


def _far_runs(
    trace: Trace, beside: _Beside, legs_m: Floats, path_m: Floats, allowed_m: Floats
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


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
