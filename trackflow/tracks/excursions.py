"""Excursions: places that a resting device reports without having been there.

A phone indoors takes a distant cell tower for itself, or a reflected signal throws a fix across the
street. Such places are reached and left without a fix in between, often again and again, or faster
than anything gets from standing still to standing still. A slot is an excursion if it belongs to a
direct leave and return (`_returns`) from a place where the device is known to rest (`_seen_at`),
and one of four rules shows that the device was not there:

- near: one or two slots within `NEAR_M`, gone for `NEAR_AWAY_S` at most, with a rest before and
  after: a vehicle that passes the place at which it is about to park was not away from it;
- too fast: both ways are faster than from stand to stand (`stand_to_stand_m`);
- again: the same far place is left for and returned from repeatedly, by fast ways each time;
- vague: each fix away from it claims so poor an accuracy that the device may have stayed.

None of them does where the fixes show the way there and back (`goes_on`): rounds on a race track
lead past the place at which their vehicle rests before and after them.
"""

from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.tracks.laps import goes_on, lap_slots
from trackflow.tracks.ranges import flat_ranges, numbered, sums
from trackflow.tracks.slots import E7, Slots, slot_us
from trackflow.tracks.thresholds import AROUND_S, AWAY_S, US, Thresholds

SEEN_SLOTS = 4
"""Slots in which a place must be seen in that time, for the device to rest there."""

NEAR_M, NEAR_SLOTS, NEAR_AWAY_S, NEAR_REST = 500.0, 2, 600.0, 3
"""Reflections throw a fix off by up to some hundred metres, once or twice in a row, and not often:
the device is seen so many times as often where it rests. A loader crosses its yard as often."""

AT_SHARE = 1.5
"""Fixes of one place lie up to so much further apart than near ones, as one of them may be off."""

CLAIM_SHARE = 2.0
"""A fix is wrong by up to so many times the accuracy that it claims, which two thirds keep to."""

AGAIN_KMH = 30.0
"""A place that is visited again and again is a cell tower only if it is reached this fast."""

START_MS2, STAND_KMH = 3.0, 60.0
"""Nothing on the road gains more speed from standing, or has a higher mean between two stops."""


@dataclass(frozen=True, slots=True, eq=False)
class _Returns:
    """Direct leaves and returns: slot before, slots away, slot after. Shapes (k,)."""

    before: Ints
    after: Ints
    far_m: Floats

    def __getitem__(self, index: Bools) -> "_Returns":
        return _Returns(self.before[index], self.after[index], self.far_m[index])

    def __len__(self) -> int:
        return len(self.before)


def excursions(points: Points, slots: Slots, cut_after: Bools, thresholds: Thresholds) -> Bools:
    """Which slots are excursions.

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: their slots. Shape (m,).
        cut_after: whether no track goes on from a slot to the next. Shape (m - 1,).
        thresholds: the limits.
    """
    away = np.zeros(len(slots), dtype=np.bool_)
    if len(slots) < 3:
        return away
    near_m = 2 * thresholds.dwell_radius_m
    before, after = _rests(slots, near_m)
    rests = before | after
    returns = _direct_returns(slots, rests, cut_after, near_m)
    if len(returns):
        returns = returns[_is_excursion(slots, returns, (before, after), near_m, thresholds)]
        first, last = slots.first[returns.before], slots.last[returns.after]
        returns = returns[~goes_on(points, first, last, slot_us(thresholds))]
        away[flat_ranges(returns.before + 1, returns.after)] = True
    _mark_edges(away, slots, rests, cut_after, thresholds)
    rows = away.nonzero()[0]
    if len(rows):
        away[rows] = ~lap_slots(points, slots, rows, thresholds)
    return away


def stand_to_stand_m(us: Ints, thresholds: Thresholds) -> Floats:
    """How far a vehicle gets in some time from standing to standing, in metres, with noise."""
    seconds = us / US
    return (
        np.minimum(START_MS2 / 4 * seconds * seconds, STAND_KMH / 3.6 * seconds)
        + thresholds.noise_m
    )


def _rests(slots: Slots, near_m: float) -> tuple[Bools, Bools]:
    """Whether one of the three slots before, and one of those after, is at the same place."""
    before, after = np.zeros((2, len(slots)), dtype=np.bool_)
    near = slots.next_m <= near_m
    near &= slots.start_us[1:] - slots.end_us[:-1] <= int(AWAY_S * US)
    after[:-1], before[1:] = near, near
    # The way to the north alone shows that most slots of a drive are elsewhere, for a tenth of the
    # cost.
    north_e7 = (near_m + 1) / METRES_PER_DEGREE * E7
    for offset in range(2, min(3, len(slots) - 1) + 1):
        asked = ~(after[:-offset] & before[offset:])
        asked &= np.abs(slots.lat_e7[offset:] - slots.lat_e7[:-offset]) <= north_e7
        here = asked.nonzero()[0]
        there = here + offset
        near = slots.apart_m(here, there) <= near_m
        near &= slots.start_us[there] - slots.end_us[here] <= int(AWAY_S * US)
        after[here[near]] = True
        before[there[near]] = True
    return before, after


def _direct_returns(slots: Slots, rests: Bools, cut_after: Bools, near_m: float) -> _Returns:
    """Every leave for more than `near_m` and the first return, if it comes within `AWAY_S`."""
    here = (rests[:-2] & ~cut_after[:-1] & (slots.next_m[:-1] > near_m)).nonzero()[0]
    # Where each may look: up to the next cut, or as long as it may be away.
    until = slots.start_us.searchsorted(slots.end_us[here] + int(AWAY_S * US), side="right")
    ends = np.concatenate([cut_after.nonzero()[0], [len(slots) - 1]]) + 1
    until = np.minimum(until, ends[ends.searchsorted(here, side="right")])
    some = until > here + 2
    here, until = here[some], until[some]
    counts = until - here - 1
    there, of = flat_ranges(here + 1, until), here.repeat(counts)
    apart_m = slots.apart_m(of, there)
    first = counts.cumsum() - counts
    back = (apart_m <= near_m).nonzero()[0]
    at = back.searchsorted(first)
    returned = np.concatenate([back, [len(there)]])[at] < first + counts
    here, first, at = here[returned], first[returned], at[returned]
    if not len(here):
        return _Returns(here, here, apart_m[:0])
    after = there[back[at]]
    stops = np.stack([first, back[at]], axis=1).ravel()
    far_m = np.maximum.reduceat(apart_m, stops)[::2]
    return _Returns(here, after, far_m)


def _is_excursion(
    slots: Slots,
    returns: _Returns,
    rests: tuple[Bools, Bools],
    near_m: float,
    thresholds: Thresholds,
) -> Bools:
    before, after = returns.before, returns.after
    at_rest, at_other = _seen_at(slots, before, before + 1, (before, after), AT_SHARE * near_m)
    away_us = slots.start_us[after] - slots.end_us[before]
    near = (
        (returns.far_m <= NEAR_M)
        & (after - before - 1 <= NEAR_SLOTS)
        & (away_us <= NEAR_AWAY_S * US)
        & (at_rest >= NEAR_REST * at_other)
        & rests[0][before]
        & rests[1][after]
    )
    # Places are medians: from the middle of a slot to that of the next.
    middle_us = slots.middle_us
    out_us = middle_us[before + 1] - middle_us[before]
    in_us = middle_us[after] - middle_us[after - 1]
    out_m = slots.apart_m(before, before + 1)
    in_m = slots.apart_m(after - 1, after)
    too_fast = (out_m > stand_to_stand_m(out_us, thresholds)) & (
        in_m > stand_to_stand_m(in_us, thresholds)
    )
    pace = AGAIN_KMH / 3.6 / US
    again = (out_m > pace * out_us) & (in_m > pace * in_us)
    again &= _again(slots, returns, again, near_m)
    far = (too_fast | again) & (at_rest > at_other)
    excursion: Bools = (at_rest >= SEEN_SLOTS) & (near | far)
    if slots.claim_m.any():
        excursion |= (at_rest >= SEEN_SLOTS) & _vague(slots, returns)
    return excursion


def _vague(slots: Slots, returns: _Returns) -> Bools:
    """Whether no slot away is further from the rest than its fixes may be wrong."""
    counts = returns.after - returns.before - 1
    rows, of = flat_ranges(returns.before + 1, returns.after), numbered(counts)
    covered = slots.apart_m(returns.before[of], rows) <= CLAIM_SHARE * slots.claim_m[rows]
    vague: Bools = sums(covered, counts) == counts
    return vague


def _seen_at(
    slots: Slots, place: Ints, other: Ints, around: tuple[Ints, Ints], near_m: float
) -> tuple[Ints, Ints]:
    """How often a device is seen at one place, and at another. Shapes (k,).

    Args:
        slots: in order of time.
        place: slots at the one place.
        other: slots at the other.
        around: first and last slots of the stretches around which the others are counted.
        near_m: slots nearer together than this are at one place.
    """
    reach_us = int(AROUND_S * US)
    low = slots.start_us.searchsorted(slots.end_us[around[0]] - reach_us)
    high = slots.start_us.searchsorted(slots.start_us[around[1]] + reach_us, side="right")
    rows, counts = flat_ranges(low, high), high - low
    at_place = sums(slots.apart_m(place.repeat(counts), rows) <= near_m, counts)
    at_other = sums(slots.apart_m(other.repeat(counts), rows) <= near_m, counts)
    return at_place, at_other


def _again(slots: Slots, returns: _Returns, fast: Bools, near_m: float) -> Bools:
    """Whether another return, fast as well, left for the same place within `AROUND_S`."""
    time_us = slots.start_us[returns.before + 1]
    low = time_us.searchsorted(time_us - int(AROUND_S * US))
    high = time_us.searchsorted(time_us + int(AROUND_S * US), side="right")
    counts = high - low
    others, here = flat_ranges(low, high), numbered(counts)
    same = slots.apart_m(returns.before[here] + 1, returns.before[others] + 1) <= near_m
    same &= fast[others] & (others != here)
    again: Bools = sums(same, counts) > 0
    return again


def _mark_edges(
    away: Bools, slots: Slots, rests: Bools, cut_after: Bools, thresholds: Thresholds
) -> None:
    """Mark single slots at the edge of a silence that are too far from the rest beside them.

    The first fix after a sleep is often one of a cell tower, and there is none before it.
    """
    middle_us, none = slots.middle_us, len(slots) - 1
    silent = (middle_us[1:] - middle_us[:-1] > AWAY_S * US) | cut_after
    edges = silent.nonzero()[0]
    # The steps after a silence or the begin, and those before one or the end.
    after, before = np.concatenate([[0], edges + 1]), np.concatenate([edges - 1, [none - 1]])
    after, before = after[after < none], before[before >= 0]
    steps = np.concatenate([after, before])
    sides = np.arange(len(steps)) < len(after)  # the rest is after the step, not before it
    here, there = steps + sides, steps + ~sides
    step_us = middle_us[steps + 1] - middle_us[steps]
    beyond = slots.apart_m(here, there) > stand_to_stand_m(step_us, thresholds)
    beyond &= ~cut_after[steps] & rests[here]
    if not beyond.any():
        return
    for side in (True, False):
        at = (beyond & (sides == side) & ~away[here]).nonzero()[0]
        rest, edge = here[at], there[at]
        if len(at):
            at_rest, at_other = _seen_at(
                slots, rest, edge, (rest, rest), AT_SHARE * 2 * thresholds.dwell_radius_m
            )
            away[edge[(at_rest >= SEEN_SLOTS) & (at_rest > at_other)]] = True
