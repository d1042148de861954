"""Stays: where a device was for the dwell time, however its fixes scatter.

Stay points go back to Hariharan & Toyama, "Project Lachesis" (2004), and Li et al., "Mining user
similarity based on location history" (2008): time spent within a small area. Their scans grow a
stay from its first point, so that its end depends on where the scan began. Here every stretch of
slots counts, wherever a scan begins: a stretch proves that its steps are a stay if

- it lasts the dwell time and fits into a box, or lasts longer and fits into a larger one
  (`scales`): the longer a device stays, the further its fixes drift, but its way stays none;
- no speed is agreed on in it (`agreed_speeds_ms`): a plough that circles a yard of 60 m at 11 km/h
  moves, a phone that drifts about in 30 m does not;
- it goes neither round nor to and fro at a steady rhythm (`rhythms`), as a mower on its rows;
- nothing in it is laps of a vehicle (`laps`), which are too short for that;
- it has no net way: a jam of 80 m in five minutes fits into the box, but goes in one direction.

No stay goes on over the way between two rests that are too far apart for one (`shifts`).

A shortest stretch that lasts long enough is less than one step longer than that, which makes the
decision local.
"""

from collections.abc import Callable

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import cos_latitude
from trackflow.tracks.agreement import CHANCE, agreed_speeds_ms, rhythms, velocities
from trackflow.tracks.bboxes import BboxTable
from trackflow.tracks.laps import hold_laps
from trackflow.tracks.ranges import flat_ranges, numbered, running
from trackflow.tracks.shifts import shifted_steps
from trackflow.tracks.slots import E7, FINE_ACCURACY_M, Slots, slot_us
from trackflow.tracks.stretches import LARGEST, half_dwell_us, scales, stretches
from trackflow.tracks.thresholds import US, Thresholds

SMALL_M = 25.0
"""A device that stays within this is at one place, at any speed that noise may show there."""

MOVING_MS = 0.4
"""A speed that neighbours agree on over a whole stretch is a movement from here on: a walk that
takes a tenth of the time. Fixes of a device at rest drift about without agreement."""

STRONG_MS = 0.6
"""No longer stretch is a stay if one of the dwell time within it agrees on this speed."""

NET_M, NET_SHARE = 50.0, 0.85
"""A net way: this long, and so much of all scatter in time and place lies along it."""

SCATTERED, SCATTERED_NET_SHARE = 2.0, 0.7
"""A box that is larger by so many dwell radii still holds a stay if its fixes are shown to scatter:
they agree on no speed, and even less of a net way is left."""

CLAIM_SHARE, MOST_CLAIM_M = 2.0, 100.0
"""A box grows by this share of what the fixes claim beyond a fine accuracy, up to a limit: one of
100 m accuracy that lies 120 m off is no movement, but one of 3 km is no proof of a stay either."""


def stay_steps(
    points: Points,
    slots: Slots,
    cut_after: Bools,
    laps: Callable[[Ints], Bools],
    thresholds: Thresholds,
) -> Bools:
    """Which steps from a slot to the next lie in a stay.

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: their slots, without excursions. Shape (m,).
        cut_after: whether no stay goes on from a slot to the next. Shape (m - 1,).
        laps: in which of some of the slots, in order, a vehicle drives about.
        thresholds: the limits.
    """
    stays = np.zeros(max(len(slots) - 1, 0), dtype=np.bool_)
    if not len(stays):
        return stays
    rows, counts = _slow_slots(slots, cut_after, thresholds)
    if len(rows):
        next_m, slots = slots.next_m.take(rows[:-1]), slots[rows]
        stays[rows[:-1]] = _stay_steps(points, slots, counts, next_m, laps(rows), thresholds)
    return stays


def _slow_slots(slots: Slots, cut_after: Bools, thresholds: Thresholds) -> tuple[Ints, Ints]:
    """The slots that a stretch may lie in, which are few of a drive's.

    Returns:
        Indices of slots, shape (k,), and how many of them, one after another, join each other.
    """
    lasts_us, diagonal_m = scales(thresholds)[0]
    most_m = diagonal_m + CLAIM_SHARE * MOST_CLAIM_M * bool(slots.claim_m.any())
    breaks = slots.next_m > LARGEST * most_m + SCATTERED * thresholds.dwell_radius_m
    breaks |= cut_after
    edges = breaks.nonzero()[0] + 1
    first, end = np.concatenate([[0], edges]), np.concatenate([edges, [len(slots)]])
    long = slots.end_us[end - 1] - slots.start_us[first] >= lasts_us
    first, end = first[long], end[long]
    return flat_ranges(first, end), end - first


def _stay_steps(
    points: Points,
    slots: Slots,
    counts: Ints,
    next_m: Floats,
    laps: Bools,
    thresholds: Thresholds,
) -> Bools:
    """Which steps lie in a stay, of slots that join each other in groups of such sizes.

    Args:
        points: kept points.
        slots: their slots, without excursions. Shape (m,).
        counts: the sizes of the groups.
        next_m: metres from each slot to the next of its group. Shape (m - 1,).
        laps: whether a vehicle drives about in each. Shape (m,).
        thresholds: the limits.
    """
    # A group has one slot per slot time, and a stretch some more at its ends.
    longest = 2 * (scales(thresholds)[-1][0] // slot_us(thresholds)) + 4
    bboxes, groups = BboxTable(slots, longest), numbered(counts)
    stays = _still_steps(bboxes, slots, groups, laps, thresholds)
    scattered_m = SCATTERED * thresholds.dwell_radius_m
    moving_until = np.full(len(slots) + 1, len(slots))
    shortest, *longer = scales(thresholds)
    # Longer stretches are examined where they can still add a stay and hold no movement; the
    # shortest up to a larger size, as they may move within a longer one.
    for sizes, share in (([shortest], LARGEST), (longer, 1.0)):
        begin, end, most_m = stretches(slots, (groups, counts), ~stays, sizes)
        most_m += more_m(slots, begin, end)
        calm = (moving_until[begin] > end).nonzero()[0]
        size_m = bboxes.diagonals_m(begin[calm], end[calm])
        fits = size_m <= share * most_m[calm] + scattered_m
        at, size_m = calm[fits], size_m[fits]
        here, there = begin[at], end[at]
        moves, strongly = _judged(
            points, slots, laps, (here, there), (size_m, most_m[at]), thresholds
        )
        _mark(stays, here[~moves], there[~moves])
        if sizes is not longer and strongly.any():
            np.minimum.at(moving_until, here[strongly], there[strongly])
            moving_until = np.minimum.accumulate(moving_until[::-1])[::-1]
    diagonal_m = scales(thresholds)[0][1]
    sizes_m = diagonal_m, LARGEST * diagonal_m
    stays &= ~shifted_steps(points, slots, groups, next_m, stays, bboxes, sizes_m, thresholds)
    return stays


def _judged(
    points: Points,
    slots: Slots,
    laps: Bools,
    stretch: tuple[Ints, Ints],
    sizes_m: tuple[Floats, Floats],
    thresholds: Thresholds,
) -> tuple[Bools, Bools]:
    """Whether the device moved in stretches, and so much that no longer one around is a stay.

    Args:
        points: kept points.
        slots: their slots, without excursions. Shape (m,).
        laps: whether a vehicle drives about in each. Shape (m,).
        stretch: first and last slots. Shapes (k,).
        sizes_m: the diagonals of their boxes, and those that a stay has at most. Shapes (k,).
        thresholds: the limits.
    """
    begin, end = stretch
    size_m, most_m = sizes_m
    moves = size_m > most_m + SCATTERED * thresholds.dwell_radius_m
    strongly = hold_laps(laps, begin, end)
    moves |= strongly
    large = (size_m > SMALL_M).nonzero()[0]
    if len(large):
        few = begin[large], end[large]
        too_large = size_m[large] > most_m[large]
        moves_too, strongly_too = _moves(points, slots, few, too_large, thresholds)
        moves[large] |= moves_too
        strongly[large] |= strongly_too
    return moves, strongly


def _still_steps(
    bboxes: BboxTable, slots: Slots, groups: Ints, laps: Bools, thresholds: Thresholds
) -> Bools:
    """The steps of those small stretches that begin and end at every half of a dwell time.

    They hold most of a long stay; so most stretches need not be looked at one by one.
    """
    half = slots.start_us // half_dwell_us(thresholds)
    marks = np.concatenate([[0], (half[1:] != half[:-1]).nonzero()[0] + 1, [len(slots) - 1]])
    begin, end = marks[:-3], marks[2:-1]
    whole = groups[begin] == groups[end]
    whole &= slots.end_us[end] - slots.start_us[begin] >= scales(thresholds)[0][0]
    at = whole.nonzero()[0]
    begin, end = begin[at], end[at]
    small = bboxes.diagonals_m(begin, end) <= SMALL_M
    at = at[small & ~hold_laps(laps, begin, end)]
    still = np.zeros(len(marks) - 1, dtype=np.bool_)  # from each mark to the next
    still[at] = True
    still[at + 1] = True
    return still.repeat(marks[1:] - marks[:-1])


def _mark(steps: Bools, begin: Ints, end: Ints) -> None:
    """Set the steps from slot `begin` to slot `end` of each stretch."""
    if not len(begin):
        return
    change = np.bincount(begin, minlength=len(steps) + 1)
    change -= np.bincount(end, minlength=len(steps) + 1)
    steps |= change.cumsum()[:-1] > 0


def _moves(
    points: Points,
    slots: Slots,
    stretch: tuple[Ints, Ints],
    too_large: Bools,
    thresholds: Thresholds,
) -> tuple[Bools, Bools]:
    """Whether the device moved in stretches: by a net way, an agreed speed, or a steady rhythm.

    Args:
        points: kept points.
        slots: their slots, without excursions.
        stretch: first and last slots. Shapes (k,).
        too_large: whether a stretch is a stay only if its fixes are shown to scatter. Shape (k,).
        thresholds: the limits.
    """
    begin, end = stretch
    of = velocities(points, slots.first[begin], slots.last[end], thresholds)
    speeds_ms = agreed_speeds_ms(of)
    slow = (~(speeds_ms > STRONG_MS)).nonzero()[0]
    along = np.ones(len(begin))  # what is fast moves, whatever its way
    along[slow] = _along_net_way(slots, begin[slow], end[slow])
    moves = along >= np.where(too_large, SCATTERED_NET_SHARE, NET_SHARE)
    # Where the speed is unknown (NaN), only a box that is not too large proves a stay.
    moves |= np.where(too_large, ~(speeds_ms <= MOVING_MS), speeds_ms > MOVING_MS)
    strongly = (along >= NET_SHARE) | (speeds_ms > STRONG_MS)
    moves |= rhythms(of, ~moves) > CHANCE
    return moves, strongly


def more_m(slots: Slots, begin: Ints, end: Ints) -> Floats:
    """How much larger the boxes of stretches may be for what their fixes claim. Shapes (k,)."""
    if not slots.claim_m.any():
        return np.zeros(len(begin))
    beyond = np.maximum(slots.claim_m - int(FINE_ACCURACY_M), 0)
    total = running(beyond)
    mean: Floats = (total[end + 1] - total[begin]) / (end + 1 - begin)
    return CLAIM_SHARE * np.minimum(mean, MOST_CLAIM_M)


def _along_net_way(slots: Slots, begin: Ints, end: Ints) -> Floats:
    """Which share of the scatter of each stretch a net way explains; 0 where there is none.

    A least-squares line through place over time. Shapes (k,).
    """
    if not len(begin):
        return np.zeros(0)
    counts = end - begin + 1
    starts = counts.cumsum() - counts
    rows, of = flat_ranges(begin, end + 1), numbered(counts)
    middle_us = slots.middle_us
    squeeze = cos_latitude(slots.lat_e7[begin] / E7)[of]
    places = np.empty((3, len(rows)))  # time in seconds, east and north in metres
    from_us, from_lon, from_lat = middle_us[begin], slots.lon_e7[begin], slots.lat_e7[begin]
    np.divide(middle_us[rows] - from_us[of], US, out=places[0])
    places[1] = (slots.lon_e7[rows] - from_lon[of]) * squeeze * (METRES_PER_DEGREE / E7)
    places[2] = (slots.lat_e7[rows] - from_lat[of]) * (METRES_PER_DEGREE / E7)
    places -= (np.add.reduceat(places, starts, axis=1) / counts).repeat(counts, axis=1)
    t, x, y = places
    tt, tx, ty = np.add.reduceat(t * places, starts, axis=1)
    scatter = np.add.reduceat(x * x + y * y, starts)
    net_squared, over_time = tx * tx + ty * ty, np.maximum(tt, 1e-9)
    along = net_squared / over_time
    span_s = (middle_us[end] - from_us) / US
    net_m = np.sqrt(net_squared) / over_time * span_s
    is_way = (counts >= 4) & (net_m >= NET_M)
    return np.where(is_way, along / np.maximum(scatter, 1e-9), 0.0)
