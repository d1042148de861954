"""Stays: where a device was for the dwell time, however its fixes scatter.

Stay points go back to Hariharan & Toyama, "Project Lachesis" (2004), and Li et al., "Mining user
similarity based on location history" (2008): time spent within a small area. Their scans grow a
stay from its first point, so that its end depends on where the scan began. Here every stretch of
slots counts, whoever looks at it: a stretch proves that its steps are a stay if

- it lasts the dwell time and fits into a box, or lasts longer and fits into a larger one
  (`scales`): the longer a device stays, the further its fixes drift, but its way stays none;
- no speed is agreed on in it (`agreed_speeds_ms`): a plough that circles a yard of 60 m at 11 km/h
  moves, a phone that drifts about in 30 m does not;
- it has no net way: a jam of 80 m in five minutes fits into the box, but goes in one direction.

A shortest stretch that lasts long enough is less than one step longer than that, which makes the
decision local.
"""

from typing import Any

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import cos_latitude
from trackflow.tracks.agreement import agreed_speeds_ms
from trackflow.tracks.ranges import flat_ranges
from trackflow.tracks.slots import E7, FINE_ACCURACY_M, Slots, slot_us
from trackflow.tracks.thresholds import LONGEST_STRETCH_S, US, Thresholds

LONGER = ((600.0, 1.5), (LONGEST_STRETCH_S, 2.0))
"""Longer times than the dwell time, in seconds, and how much larger a box they allow."""

SMALL_M = 25.0
"""Who stays within this is at one place, whatever speed noise may show there."""

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
100 m accuracy that lies 120 m off says nothing, but one of 3 km says nothing of a stay either."""


def stay_steps(points: Points, slots: Slots, cut_after: Bools, thresholds: Thresholds) -> Bools:
    """Which steps from a slot to the next lie in a stay.

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: their slots, without excursions. Shape (m,).
        cut_after: whether no stay goes on from a slot to the next. Shape (m - 1,).
        thresholds: the limits.
    """
    stays = np.zeros(max(len(slots) - 1, 0), dtype=np.bool_)
    if not len(stays):
        return stays
    rows, breaks = _slow_slots(slots, cut_after, thresholds)
    if len(rows):
        found = _stay_steps(points, slots[rows], breaks, thresholds)
        stays[rows[:-1][found]] = True
    return stays


def _slow_slots(slots: Slots, cut_after: Bools, thresholds: Thresholds) -> tuple[Ints, Bools]:
    """The slots that a stretch may lie in, which are few of a drive's, and where they do not join.

    Returns:
        Indices of slots, shape (k,), and whether each does not join the next one, shape (k - 1,).
    """
    lasts_us, diagonal_m = scales(thresholds)[0]
    most_m = diagonal_m + CLAIM_SHARE * MOST_CLAIM_M * bool(slots.claim_m.any())
    breaks = slots.steps_m(1) > _asked_m(most_m, thresholds)
    breaks |= cut_after
    edges = np.flatnonzero(breaks)
    first = np.append(0, edges + 1)
    last = np.append(edges, len(slots) - 1)
    long = slots.end_us[last] - slots.start_us[first] >= lasts_us
    first, last = first[long], last[long]
    rows = flat_ranges(first, last + 1)
    joins = np.zeros(len(rows), dtype=np.bool_)
    joins[np.cumsum(last - first + 1) - 1] = True
    return rows, joins[:-1]


def _asked_m(most_m: Floats | float, thresholds: Thresholds) -> Any:
    """The largest boxes of the shortest stretches that anything is asked about.

    They may lie in a larger box of a longer stretch, which is no stay if one of them moves.
    """
    return LONGER[-1][1] * most_m + SCATTERED * thresholds.dwell_radius_m


def _stay_steps(points: Points, slots: Slots, breaks: Bools, thresholds: Thresholds) -> Bools:
    boxes = _Boxes(slots)
    cuts = np.concatenate([[0], np.cumsum(breaks)])
    stays = _still_steps(boxes, slots, cuts, thresholds)
    moving_until = np.full(len(slots) + 1, len(slots))
    for number, (lasts_us, diagonal_m) in enumerate(scales(thresholds)):
        begin, end = _stretches(slots, cuts, ~stays, lasts_us)
        # Only stretches are asked that can tell something new.
        known = np.concatenate([[0], np.cumsum(stays)])
        ask = (known[end] - known[begin] < end - begin) & (moving_until[begin] > end)
        begin, end = begin[ask], end[ask]
        most_m = diagonal_m + more_m(slots, begin, end)
        scattered_m = most_m + SCATTERED * thresholds.dwell_radius_m
        asked_m = scattered_m if number else _asked_m(most_m, thresholds)
        size_m = boxes.diagonals_m(begin, end, asked_m)
        fits = np.flatnonzero(size_m <= asked_m)
        begin, end, size_m, most_m = begin[fits], end[fits], size_m[fits], most_m[fits]
        moves = size_m > scattered_m[fits]
        large = np.flatnonzero(size_m > SMALL_M)
        few = begin[large], end[large]
        moves_too, strongly = _moves(points, slots, few, size_m[large] > most_m[large], thresholds)
        moves[large] |= moves_too
        if not number:
            np.minimum.at(moving_until, few[0][strongly], few[1][strongly])
            moving_until = np.minimum.accumulate(moving_until[::-1])[::-1]
        _mark(stays, begin[~moves], end[~moves])
    return stays


def _still_steps(boxes: "_Boxes", slots: Slots, cuts: Ints, thresholds: Thresholds) -> Bools:
    """The steps of those small stretches that begin and end at every half of a dwell time.

    They hold most of a long stay; so most stretches need not be looked at one by one.
    """
    stays = np.zeros(len(slots) - 1, dtype=np.bool_)
    half = slots.start_us // int(thresholds.dwell_s / 2 * US)
    marks = np.flatnonzero(np.diff(half, prepend=-1))
    begin, end = marks[:-2], marks[2:]
    whole = cuts[begin] == cuts[end]
    whole &= slots.end_us[end] - slots.start_us[begin] >= scales(thresholds)[0][0]
    begin, end = begin[whole], end[whole]
    small = boxes.diagonals_m(begin, end, np.full(len(begin), SMALL_M)) <= SMALL_M
    _mark(stays, begin[small], end[small])
    return stays


def _mark(steps: Bools, begin: Ints, end: Ints) -> None:
    """Set the steps from slot `begin` to slot `end` of each stretch."""
    change = np.bincount(begin, minlength=len(steps) + 1)
    change -= np.bincount(end, minlength=len(steps) + 1)
    steps |= np.cumsum(change)[:-1] > 0


def _moves(
    points: Points,
    slots: Slots,
    stretch: tuple[Ints, Ints],
    too_large: Bools,
    thresholds: Thresholds,
) -> tuple[Bools, Bools]:
    """Whether the device moved in stretches: by a net way, or by an agreed speed.

    Args:
        points: kept points.
        slots: their slots, without excursions.
        stretch: first and last slots. Shapes (k,).
        too_large: whether a stretch is a stay only if its fixes are shown to scatter. Shape (k,).
        thresholds: the limits.
    """
    begin, end = stretch
    along = _along_net_way(slots, begin, end)
    speeds_ms = agreed_speeds_ms(points, slots.first[begin], slots.last[end], thresholds)
    moves = along >= np.where(too_large, SCATTERED_NET_SHARE, NET_SHARE)
    # Where nothing tells the speed (NaN), only a box that is not too large tells a stay.
    moves |= np.where(too_large, ~(speeds_ms <= MOVING_MS), speeds_ms > MOVING_MS)
    return moves, (along >= NET_SHARE) | (speeds_ms > STRONG_MS)


def more_m(slots: Slots, begin: Ints, end: Ints) -> Floats:
    """How much larger the boxes of stretches may be for what their fixes claim. Shapes (k,)."""
    if not slots.claim_m.any():
        return np.zeros(len(begin))
    beyond = np.maximum(slots.claim_m - int(FINE_ACCURACY_M), 0)
    total = np.concatenate([[0], np.cumsum(beyond)])
    mean: Floats = (total[end + 1] - total[begin]) / (end + 1 - begin)
    return CLAIM_SHARE * np.minimum(mean, MOST_CLAIM_M)


def scales(thresholds: Thresholds) -> list[tuple[int, float]]:
    """How long stretches must last, in µs, and how large they may be, in metres.

    A slot at either end may be half on the way in or out, so a stretch may be a slot shorter.
    """
    diagonal_m = 2 * thresholds.dwell_radius_m
    found = [(thresholds.dwell_s, diagonal_m)]
    found += [(s, share * diagonal_m) for s, share in LONGER if s > thresholds.dwell_s]
    return [(int(s * US) - slot_us(thresholds), size_m) for s, size_m in found]


def _stretches(slots: Slots, cuts: Ints, steps: Bools, lasts_us: int) -> tuple[Ints, Ints]:
    """First and last slots of the shortest stretches that hold some of the given steps.

    From each slot, ahead and back in time.
    """
    none = len(slots)
    held = np.flatnonzero(steps)
    following, before = np.full(none + 1, none), np.full(none + 1, -1)
    following[held] = held
    before[held + 1] = held + 1
    following = np.minimum.accumulate(following[::-1])[::-1][:-1]
    before = np.maximum.accumulate(before)[:-1]
    start_us, end_us = slots.start_us, slots.end_us
    # A stretch from a slot holds the next such step only if that begins before it is long enough.
    here = np.flatnonzero(following < none)
    here = here[end_us[following[here]] - start_us[here] < lasts_us]
    ahead = np.searchsorted(end_us, start_us[here] + lasts_us)
    there = np.flatnonzero(before >= 0)
    there = there[end_us[there] - start_us[before[there]] < lasts_us]
    back = np.searchsorted(start_us, end_us[there] - lasts_us, side="right") - 1
    forward, backward = ahead < none, back >= 0
    begin = np.concatenate([here[forward], back[backward]])
    end = np.concatenate([ahead[forward], there[backward]])
    whole = (cuts[begin] == cuts[end]) & (begin < end)
    return begin[whole], end[whole]


class _Boxes:
    """Bounding boxes of stretches of slots.

    A stretch is the union of two overlapping stretches of 2**level slots; the boxes of all
    stretches of that length come from those of half the length, level by level.
    """

    def __init__(self, slots: Slots) -> None:
        # With two signs turned, the box around two boxes is their maximum.
        lon, lat = slots.lon_e7, slots.lat_e7
        self.levels = [np.stack([-lon, lon, -lat, lat])]

    def diagonals_m(self, begin: Ints, end: Ints, most_m: Floats) -> Floats:
        """Diagonals of the boxes from slot `begin` to slot `end`, included; inf if over `most_m`.

        The cosine is that of the latitude nearest to the equator: a box inside another never has
        the longer diagonal.
        """
        found = np.full(len(begin), np.inf)
        ends = np.maximum(self.levels[0][:, begin], self.levels[0][:, end])
        rows = np.flatnonzero(_diagonal_m(ends) <= most_m)  # the ends alone rule out many
        begin, end = begin[rows], end[rows]
        level = np.frexp(end - begin + 1)[1] - 1
        for current in range(int(level.max(initial=0)) + 1):
            asked = np.flatnonzero(level == current)
            if len(asked):
                boxes = self._level(current)
                tail = end[asked] + 1 - (1 << current)
                found[rows[asked]] = _diagonal_m(np.maximum(boxes[:, begin[asked]], boxes[:, tail]))
        return found

    def _level(self, level: int) -> Ints:
        while len(self.levels) <= level:
            half = 1 << (len(self.levels) - 1)
            below = self.levels[-1]
            self.levels.append(np.maximum(below[:, :-half], below[:, half:]))
        return self.levels[level]


def box_m(slots: Slots) -> float:
    """Diagonal of the box around all of some slots, at least one, in metres."""
    ends = np.array([0]), np.array([len(slots) - 1])
    return float(_Boxes(slots).diagonals_m(*ends, np.array([np.inf]))[0])


def _diagonal_m(boxes: Ints) -> Floats:
    """Diagonals of boxes of shape (4, k)."""
    west, east, south, north = boxes
    width = (west + east) * cos_latitude(np.maximum(-np.minimum(south, north), 0) / E7)
    height = (south + north).astype(np.float64)
    diagonal: Floats = np.sqrt(width * width + height * height) * (METRES_PER_DEGREE / E7)
    return diagonal


def _along_net_way(slots: Slots, begin: Ints, end: Ints) -> Floats:
    """Which share of the scatter of each stretch a net way explains; 0 where there is none.

    A least-squares line through place over time. Shapes (k,).
    """
    if not len(begin):
        return np.zeros(0)
    counts = end - begin + 1
    rows = flat_ranges(begin, end + 1)
    of = np.repeat(np.arange(len(begin)), counts)
    middle_us = (slots.start_us + slots.end_us) // 2
    t: Floats = (middle_us[rows] - middle_us[begin][of]).astype(np.float64) / US
    squeeze = cos_latitude(slots.lat_e7[begin] / E7)[of]
    x = (slots.lon_e7[rows] - slots.lon_e7[begin][of]) * squeeze * (METRES_PER_DEGREE / E7)
    y = (slots.lat_e7[rows] - slots.lat_e7[begin][of]) * (METRES_PER_DEGREE / E7)
    starts = np.cumsum(counts) - counts

    def centred(values: Floats) -> Floats:
        found: Floats = values - (np.add.reduceat(values, starts) / counts)[of]
        return found

    t, x, y = centred(t), centred(np.asarray(x)), centred(np.asarray(y))
    tt, tx, ty = (np.add.reduceat(t * v, starts) for v in (t, x, y))
    scatter = np.add.reduceat(x * x + y * y, starts)
    along = (tx * tx + ty * ty) / np.maximum(tt, 1e-9)
    span_s = (middle_us[end] - middle_us[begin]) / US
    net_m = np.sqrt(tx * tx + ty * ty) / np.maximum(tt, 1e-9) * span_s
    is_way = (counts >= 4) & (net_m >= NET_M)
    return np.where(is_way, along / np.maximum(scatter, 1e-9), 0.0)
