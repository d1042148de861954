"""Cleaning: points in order of time, one per moment, without positions that cannot be.

Nothing here corrects a point; points are kept or dropped for a counted reason.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import between_mm, steps_mm
from trackflow.tracks.frozen import frozen_fixes
from trackflow.tracks.mixtures import mixed_steps
from trackflow.tracks.ranges import contains, distinct, flat_ranges, united
from trackflow.tracks.speeds import bridge_agrees, impossible_steps, possible_mm, there_and_back
from trackflow.tracks.thresholds import SPIKE_ROUNDS, US, Thresholds

NO_TIMES: Ints = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class CleanPoints:
    """What cleaning kept, and when the points were that it dropped.

    Attributes:
        points: kept points, times strictly increasing. Shape (n,).
        dt_us: time from each kept point to the next. Shape (n - 1,).
        step_mm: distance from each kept point to the next, whole numbers. Shape (n - 1,).
        duplicate_us: times of points that shared their time with a better one, in order.
        inaccurate_us: times of points less accurate than the limit, in order.
        spike_us: times of spikes and of frozen fixes, in order.
        impossible: indices of the steps that no movement explains, in order.
        mixed: indices of the steps inside mixtures of two senders, in order.
    """

    points: Points
    dt_us: Ints
    step_mm: Floats
    duplicate_us: Ints
    inaccurate_us: Ints
    spike_us: Ints
    impossible: Ints
    mixed: Ints


def clean(points: Points, thresholds: Thresholds) -> CleanPoints:
    """Points in any order, cleaned. The order of the input makes no difference."""
    points, dt_us, duplicate_us = in_order(known_accuracy(points))
    points, dt_us, inaccurate_us = _accurate(points, dt_us, thresholds)
    step_mm = steps_mm(points.lon, points.lat)
    impossible = impossible_steps(points, dt_us, step_mm, thresholds)
    wrong = impossible, mixed_steps(points, impossible, thresholds)
    spikes_us = []
    for _ in range(SPIKE_ROUNDS):
        spikes = find_spikes(points, dt_us, step_mm, wrong, thresholds)
        if not len(spikes):
            break
        spikes_us.append(points.time_us[spikes])
        points, dt_us, step_mm, wrong = _anew(points, dt_us, step_mm, wrong[1], spikes, thresholds)
    frozen = frozen_fixes(points, step_mm, wrong, thresholds)
    if len(frozen):
        spikes_us.append(points.time_us[frozen])
        points, dt_us, step_mm, wrong = _anew(points, dt_us, step_mm, wrong[1], frozen, thresholds)
    spike_us = np.sort(np.concatenate(spikes_us)) if spikes_us else NO_TIMES
    return CleanPoints(points, dt_us, step_mm, duplicate_us, inaccurate_us, spike_us, *wrong)


def _anew(
    points: Points,
    dt_us: Ints,
    step_mm: Floats,
    mixed: Ints,
    dropped: Ints,
    thresholds: Thresholds,
) -> tuple[Points, Ints, Floats, tuple[Ints, Ints]]:
    """Points and steps without some points, and which of these are impossible, and mixed."""
    mixed_us = points.time_us[mixed]
    points, dt_us, step_mm = _without(points, dt_us, step_mm, dropped)
    impossible = impossible_steps(points, dt_us, step_mm, thresholds)
    return points, dt_us, step_mm, (impossible, np.searchsorted(points.time_us, mixed_us))


def known_accuracy(points: Points) -> Points:
    """Points whose accuracy is NaN where they claim 0 or less: senders write unknown so."""
    unknown = points.accuracy_m <= 0
    if not unknown.any():
        return points
    return replace(points, accuracy_m=np.where(unknown, np.nan, points.accuracy_m))


def in_order(points: Points) -> tuple[Points, Ints, Ints]:
    """Points in order of time, one per moment: the most accurate, then the most south-western.

    Returns:
        The kept points, the time from each to the next, and the times of the others.
    """
    dt_us = _steps_us(points)
    shortest_us = dt_us.min(initial=1)
    if shortest_us < 0:
        points = points[points.time_us.argsort(kind="stable")]
        dt_us = _steps_us(points)
        shortest_us = dt_us.min()
    if shortest_us > 0:
        return points, dt_us, NO_TIMES
    again = _worse_of_a_time(points, dt_us)
    kept = _rows_without(points, again)
    return kept, _steps_us(kept), points.time_us[again]


def _steps_us(points: Points) -> Ints:
    steps: Ints = points.time_us[1:] - points.time_us[:-1]
    return steps


def _worse_of_a_time(points: Points, dt_us: Ints) -> Ints:
    """Indices of the points that share their time with a better one; times are in order."""
    shared = np.zeros(len(points), dtype=np.bool_)
    shared[:-1] = dt_us == 0
    shared[1:] |= shared[:-1]
    rows = shared.nonzero()[0]
    among = points[rows]
    # Ties are broken by content, never by order of arrival, which a rerun would not repeat.
    # NaN sorts last: a point without an accuracy yields to one with any.
    order = np.lexsort((among.lat, among.lon, among.accuracy_m, among.time_us))
    worse = (_steps_us(among[order]) == 0).nonzero()[0] + 1
    return np.sort(rows[order[worse]])


def _accurate(points: Points, dt_us: Ints, thresholds: Thresholds) -> tuple[Points, Ints, Ints]:
    poor = points.accuracy_m > thresholds.max_accuracy_m
    if not poor.any():
        return points, dt_us, NO_TIMES
    dropped = poor.nonzero()[0]
    kept = _rows_without(points, dropped)
    return kept, _steps_us(kept), points.time_us[dropped]


def find_spikes(
    points: Points,
    dt_us: Ints,
    step_mm: Floats,
    wrong: tuple[Ints, Ints],
    thresholds: Thresholds,
) -> Ints:
    """Indices of the points of one round of spikes.

    A run of up to `spike_points` points is a candidate if the steps into it and out of it are
    impossible while the points beside it, its anchors, are plausible neighbours. For one point
    that is left the way it was reached, half the speed is impossible (`there_and_back`). In a
    zigzag the points between two spikes are candidates too, so candidates that need each other's
    points compete: the shorter run wins, then the one whose anchors are plausible with the points
    beyond them, then the earlier. A candidate is a spike only if it beats every rival, whether or
    not that rival wins itself; otherwise one decision would hang on the next without an end, and a
    chunk could not decide alone. What that leaves undecided, the next round sees.

    Args:
        points: times strictly increasing. Shape (n,).
        dt_us: time from each to the next. Shape (n - 1,).
        step_mm: distance from each to the next. Shape (n - 1,).
        wrong: impossible steps, and those inside mixtures: two senders under one id
            are no spikes of each other. Both in order.
        thresholds: the limits.
    """
    impossible, mixed = wrong
    bad = united(impossible, there_and_back(points, dt_us, step_mm, thresholds))
    if len(mixed):
        bad = bad[~contains(mixed, bad)]
    if len(bad) < 2:
        return NO_TIMES
    before, after = _candidates(points, dt_us, bad, thresholds)
    if len(mixed):
        pure = mixed.searchsorted(before) == mixed.searchsorted(after)
        before, after = before[pure], after[pure]
    if not len(before):
        return NO_TIMES
    won = _winners(before, after, _rank(before, after, bad, dt_us, thresholds))
    runs = flat_ranges(before[won] + 1, after[won])
    return distinct(np.sort(runs))


def _candidates(
    points: Points, steps_us: Ints, bad: Ints, thresholds: Thresholds
) -> tuple[Ints, Ints]:
    """Anchors before and after each candidate run, sorted by the first. Shapes (m,)."""
    # The way out of a run of r points begins r steps after the way into it.
    out = bad[:, None] + np.arange(1, thresholds.spike_points + 1)
    into, length = contains(bad, out).nonzero()
    before = bad[into]
    after = before + length + 2
    dt_us = points.time_us[after] - points.time_us[before]
    apart_mm = between_mm(
        points.lon[before], points.lat[before], points.lon[after], points.lat[after]
    )
    near = dt_us <= thresholds.spike_s * US
    before, after, apart_mm = before[near], after[near], apart_mm[near]
    plausible = apart_mm <= possible_mm(dt_us[near], thresholds)
    far = (~plausible).nonzero()[0]
    if len(far):
        plausible[far] = bridge_agrees(points, steps_us, before[far], after[far], thresholds)
    return before[plausible], after[plausible]


def _rank(before: Ints, after: Ints, bad: Ints, dt_us: Ints, thresholds: Thresholds) -> Ints:
    """The lower, the better. A point beyond `spike_s` supports none: a chunk may lack it."""
    support = np.zeros(len(before), dtype=np.int64)
    for step in (before - 1, after):
        exists = (step >= 0) & (step < len(dt_us))
        near = dt_us.take(step, mode="clip") <= thresholds.spike_s * US
        support += exists & near & ~contains(bad, step)
    rank: Ints = 4 * (after - before) - support
    return rank


def _winners(before: Ints, after: Ints, rank: Ints) -> Bools:
    """Which candidates beat all candidates that they overlap by more than an anchor."""
    won = np.ones(len(before), dtype=np.bool_)
    for offset in range(1, len(before)):
        overlap = before[offset:] < after[:-offset]
        if not overlap.any():
            break
        later_better = rank[offset:] < rank[:-offset]
        won[:-offset] &= ~(overlap & later_better)
        won[offset:] &= ~(overlap & ~later_better)
    return won


def _without(
    points: Points, dt_us: Ints, step_mm: Floats, dropped: Ints
) -> tuple[Points, Ints, Floats]:
    """Points and steps without some points (never the first or the last)."""
    kept = _rows_without(points, dropped)
    # A dropped point takes the step into it along, and the step out of it becomes the bridge.
    bridges = distinct(dropped - np.arange(len(dropped))) - 1
    dt_us, step_mm = _cut_out([dt_us, step_mm], dropped - 1)
    dt_us[bridges] = kept.time_us[bridges + 1] - kept.time_us[bridges]
    step_mm[bridges] = between_mm(
        kept.lon[bridges], kept.lat[bridges], kept.lon[bridges + 1], kept.lat[bridges + 1]
    )
    return kept, dt_us, step_mm


def _rows_without(points: Points, dropped: Ints) -> Points:
    columns = [points.time_us, points.lon, points.lat, points.accuracy_m]
    return Points(*_cut_out(columns, dropped))


def _cut_out(columns: list[NDArray[Any]], dropped: Ints) -> list[NDArray[Any]]:
    """`np.delete` of some columns, but copying stretches and not choosing rows: spikes are few."""
    if len(dropped) > len(columns[0]) // 50:
        return [np.delete(column, dropped) for column in columns]
    edges = [-1, *dropped.tolist(), len(columns[0])]
    kept = [slice(before + 1, after) for before, after in pairwise(edges)]
    return [np.concatenate([column[rows] for rows in kept]) for column in columns]
