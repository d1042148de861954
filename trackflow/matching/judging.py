"""How well an answer of the engine explains the points: one cost in metres, for every answer.

The engine's own confidence compares its best answer with its second best among the roads that it
looked at; it cannot tell that all of them were wrong. So answers to the same points, asked with
different radii, are compared by what a driver would have had to do: be beside the road where the
points are, and make detours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.matching.beside import FAR_RUN_M, OFF_CAP, OFF_COST_M, PiecePoints, far_runs
from trackflow.matching.legs import DOUBT_M, WINDING, allowed_ways_m, paths_m, too_long, windings_m
from trackflow.matching.pieces import Piece, Trace, quantile, steps

BREAK_COST_M = 150.0
"""A line that is torn, or open at an end, is as bad as a detour of so many metres."""

ROOM_M = 250.0
"""Between points farther apart than this, two blocks of a town, there are several ways of one
length."""

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
        beside = PiecePoints.of(piece)
        off_m = beside.costs_m(trace, weight)
        legs_m, path_m = piece.legs_m(), paths_m(trace, piece)
        allowed_m = allowed_ways_m(trace, piece, path_m, slowest_ms)
        ranges, worst_m = too_long(legs_m - allowed_m, piece.off_m)
        far = far_runs(trace, beside, legs_m, path_m, allowed_m)
        bad.append(_merged([*ranges, *far]))
        winding_m = float(windings_m(legs_m, path_m).sum())
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
        legs_m, path_m = piece.legs_m(), paths_m(trace, piece)
        index = np.array(piece.points)
        own = (index[1:] > first) & (index[:-1] < last)
        if not own.any():
            continue
        beside = PiecePoints.of(piece)
        inside = (beside.index >= index[:-1][own][0]) & (beside.index <= index[1:][own][-1])
        cost_m += float(beside.costs_m(trace, weight)[inside].sum())
        allowed_m = allowed_ways_m(trace, piece, path_m, slowest_ms)
        # half of what there was time for beyond the points is no misfit
        unseen_m = np.maximum(allowed_m - WINDING * path_m, 0) / 2
        cost_m += float(windings_m(legs_m - unseen_m, path_m)[own].sum())
        driven_m = np.minimum(legs_m, allowed_m)[own]
        length_m += float(driven_m.sum())
        shown_m += float(np.minimum(driven_m, SHOWN_M).sum())
    if not length_m:
        return 0.0
    return shown_m / length_m * float(np.exp(-cost_m / (FIT_M + FIT_SHARE * length_m)))


def _open_m(trace: Trace, asked: Sequence[int], pieces: Sequence[Piece]) -> float:
    """The longest way along points that no piece of the line covers."""
    longest, since = 0.0, asked[0]
    for first, last in [*((p.points[0], p.points[-1]) for p in pieces), (asked[-1], asked[-1])]:
        longest = max(longest, float(trace.along_m[first] - trace.along_m[since]))
        since = last
    return longest


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged
