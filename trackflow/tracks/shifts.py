"""Shifts: short ways, seen by their fixes, from one rest to another one too far for one stay.

A van that stands here for a while, drives 300 m and stands there: the boxes of stretches that hold
a slot on the way are small enough for a stay on either side, so that both stays would be one. A
phone that takes another network for its place is seen at both, but not between them.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import between_mm, wrapped
from trackflow.tracks.bboxes import BboxTable
from trackflow.tracks.ranges import distinct, flat_ranges, numbered, runs, sums
from trackflow.tracks.slots import Slots, slot_us
from trackflow.tracks.thresholds import SHIFT_S, US, Thresholds

BETWEEN = 2
"""So many fixes must lie far from both rests: one may be anywhere."""

DETOUR = 1.1
"""But one that makes the way between them hardly longer lies on it."""


def shifted_steps(
    points: Points,
    slots: Slots,
    groups: Ints,
    next_m: Floats,
    stays: Bools,
    bboxes: BboxTable,
    sizes_m: tuple[float, float],
    thresholds: Thresholds,
) -> Bools:
    """Which steps of stays lie on the way between two rests. Shape (m - 1,).

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: without excursions. Shape (m,).
        groups: the group of slots that each belongs to.
        next_m: metres from each slot to the next of its group. Shape (m - 1,).
        stays: whether each step from a slot to the next lies in a stay; none that leads from one
            group to another does. Shape (m - 1,).
        bboxes: of the slots.
        sizes_m: the diagonal of the box that a rest fits into, and that of the largest stay.
        thresholds: the limits.
    """
    shifted = np.zeros(len(slots) - 1, dtype=np.bool_)
    if not thresholds.looks_far:
        return shifted
    rest_m, most_m = sizes_m
    here, until = _before_long_ways(slots, next_m, stays, most_m, thresholds)
    if not len(here):
        return shifted
    wide = (bboxes.diagonals_m(here, until) > most_m).nonzero()[0]
    if not len(wide):
        return shifted
    here, until = here[wide], until[wide]
    rests = _rests(slots, groups, bboxes, here, rest_m, thresholds)
    here, until = here[rests], until[rests]
    there, of = flat_ranges(here + 1, until + 1), here.repeat(until - here)
    far = (slots.apart_m(of, there) > most_m).nonzero()[0]
    there, of = there[far], of[far]
    rests = _rests(slots, groups, bboxes, there, rest_m, thresholds, ahead=True)
    there, of = there[rests], of[rests]
    if not len(of):
        return shifted
    # The last slot of the one rest, and the first of the other.
    of, first = np.unique(of, return_index=True)
    there, last = np.unique(there[first][::-1], return_index=True)
    of = of[::-1][last]
    half_us = int(thresholds.dwell_s / 2 * US) - slot_us(thresholds)
    seen = _seen_between(points, slots, of, there, rest_m / 2, half_us)
    for begin, end in zip(of[seen].tolist(), there[seen].tolist(), strict=True):
        shifted[begin:end] = True
    return shifted


def _before_long_ways(
    slots: Slots, next_m: Floats, stays: Bools, most_m: float, thresholds: Thresholds
) -> tuple[Ints, Ints]:
    """Slots of stays from which a way may lead so far in time, and the last ones it may lead to.

    Slots follow each other by the clock, so a few steps make such a way, and one of them is long.
    """
    most_steps = int(SHIFT_S * US) // slot_us(thresholds) + 2
    long = (stays & (next_m > most_m / (most_steps + 1))).nonzero()[0]
    here = distinct(np.sort((long[:, None] - np.arange(most_steps)).ravel()))
    here = here[here >= 0]
    here = here[stays[here]]
    begin, end = runs(stays)
    ends = end[begin.searchsorted(here, side="right") - 1]
    until = slots.start_us.searchsorted(slots.end_us[here] + int(SHIFT_S * US), side="right") - 1
    return here, np.minimum(until, ends)


def _rests(
    slots: Slots,
    groups: Ints,
    bboxes: BboxTable,
    at: Ints,
    rest_m: float,
    thresholds: Thresholds,
    *,
    ahead: bool = False,
) -> Bools:
    """Whether a device rests for the dwell time up to some slots, or from them on. Shape (k,).

    Not over a silence: what lies behind one may be too far away for a chunk.
    """
    lasts_us = int(thresholds.dwell_s * US) - slot_us(thresholds)
    if ahead:
        other = slots.end_us.searchsorted(slots.start_us[at] + lasts_us)
    else:
        other = slots.start_us.searchsorted(slots.end_us[at] - lasts_us, side="right") - 1
    exists = (other >= 0) & (other < len(slots))
    other = np.where(exists, other, at)
    exists &= groups[other] == groups[at]
    other = np.where(exists, other, at)
    low, high = np.minimum(at, other), np.maximum(at, other)
    exists &= slots.end_us[high] - slots.start_us[low] <= 2 * int(thresholds.dwell_s * US)
    rests: Bools = exists & (bboxes.diagonals_m(low, high) <= rest_m)
    return rests


def _seen_between(
    points: Points, slots: Slots, here: Ints, there: Ints, far_m: float, half_us: int
) -> Bools:
    """Whether some fixes lie far from both rests, or one does on the line between them. Shape (k,).

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: without excursions. Shape (m,).
        here: the last slot of the one rest. Shape (k,).
        there: the first slot of the other. Shape (k,).
        far_m: what lies further from a rest is far from it.
        half_us: so long before and after the way, a device is where it rests: those slots may be on
            the way.
    """
    low, high = slots.first[here], slots.last[there] + 1
    rows, of = flat_ranges(low, high), numbered(high - low)
    before = slots.start_us.searchsorted(slots.end_us[here] - half_us, side="right") - 1
    after = slots.end_us.searchsorted(slots.start_us[there] + half_us)
    apart_mm = np.zeros((2, len(rows)))
    for k, slot in enumerate((before[of], after[of])):
        lon, lat = wrapped(slots.lon[slot]), slots.lat[slot]
        apart_mm[k] = between_mm(points.lon[rows], points.lat[rows], lon, lat)
    far = apart_mm.min(axis=0) > far_m * 1000
    on_line = far & (apart_mm.sum(axis=0) <= DETOUR * 1000 * slots.apart_m(before, after)[of])
    counts = high - low
    seen: Bools = (sums(far, counts) >= BETWEEN) | (sums(on_line, counts) > 0)
    return seen
