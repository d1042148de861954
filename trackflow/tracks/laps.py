"""Laps: slots in which a vehicle drives about in a small area, and comes back within the minute.

A kart, a bicycle on a velodrome, a plough that circles a small yard: the median of each slot is
near the middle of its laps, so that slots alone look like a stay, or like leaves and returns. What
shows the movement is the way between the points of a slot: several velocities in a row are fast and
go on in nearly the same direction. Fixes of a device at rest that drift do not, however fast.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import MM_PER_DEGREE, between_mm, cos_latitude, wrapped
from trackflow.tracks.ranges import contains, flat_ranges, running, united
from trackflow.tracks.slots import Slots, slot_us
from trackflow.tracks.thresholds import US, Thresholds

BINS_PER_SLOT = 12
"""One point is taken from each 2.5 s: at 1 Hz a step is as long as its noise."""

LONGEST_STEP_US, LONGER_STEP_US = 8 * US, 15 * US
"""Longer steps hide most of a short lap; and, of a way that comes back after a minute or more, its
turns."""

VEHICLE_MS = 3.0
"""A vehicle, not a person, is as fast as this all the time."""

IN_A_ROW = 3
"""So many pairs of neighbouring velocities must agree. Of velocities in any directions one such row
in eight does, and half of the rows of a slot must."""

FEWEST_ROWS = 2

PROBES, APART_M, STRAIGHT = (4, 3), 20.0, 2.0
"""Only slots are looked at whose point after a quarter or a third lies so far from the first, and
whose last point is not more than twice as far from it: that of a way that goes on is three times
as far, that of a lap of a minute twice. Nearly all slots of a drive are spared the dear look."""


def lap_slots(points: Points, slots: Slots, asked: Ints, thresholds: Thresholds) -> Bools:
    """In which of some slots a vehicle drives about: at least two, one after the other.

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: their slots. Shape (m,).
        asked: indices of slots, in order. Shape (k,).
        thresholds: the limits.
    """
    first, last, us = slots.first, slots.last, slot_us(thresholds)
    near = np.zeros(len(slots), dtype=np.bool_)
    near[asked] = True
    near[:-1] |= near[1:]
    near[1:] |= near[:-1]
    at = (last - first >= IN_A_ROW + FEWEST_ROWS).nonzero()[0]
    at = at[near[at]]
    if len(at):
        at = at[_leaves(points, first[at], last[at])]
        at = at[goes_on(points, first[at], last[at], us, LONGEST_STEP_US)]
    # one slot by itself may be an accident of some fixes
    joins = at[1:] - at[:-1] == 1
    joins &= slots.start_us[at[1:]] // us - slots.end_us[at[:-1]] // us <= 1
    if not joins.any():
        return np.zeros(len(asked), dtype=np.bool_)
    return contains(united(at[:-1][joins], at[1:][joins]), asked)


def _leaves(points: Points, first: Ints, last: Ints) -> Bools:
    """Whether a slot leads away from its first point, and not ever further."""
    lon, lat = points.lon.take(first), points.lat.take(first)

    def apart_mm(there: Ints) -> Floats:
        return between_mm(lon, lat, points.lon.take(there), points.lat.take(there))

    probes_mm = np.maximum(*(apart_mm(first + (last - first) // part) for part in PROBES))
    found: Bools = probes_mm > APART_M * 1000
    found &= apart_mm(last) <= STRAIGHT * probes_mm
    return found


def goes_on(
    points: Points, first: Ints, last: Ints, slot_us: int, longest_us: int = LONGER_STEP_US
) -> Bools:
    """Whether at least half of the rows of velocities of each stretch are fast and agree.

    Args:
        points: kept points, in order of time. Shape (n,).
        first: index of the first point of each stretch. Shape (m,).
        last: index of its last point. Shape (m,).
        slot_us: length of a slot.
        longest_us: longer steps have no velocity.
    """
    if not len(first):
        return np.zeros(0, dtype=np.bool_)
    rows, counts = flat_ranges(first, last + 1), last - first + 1
    bins = points.time_us[rows] * BINS_PER_SLOT // slot_us
    begins = np.ones(len(rows), dtype=np.bool_)
    np.not_equal(bins[1:], bins[:-1], out=begins[1:])
    starts = counts.cumsum() - counts
    begins[starts] = True
    taken = rows[begins]
    of = np.arange(len(first)).repeat(counts)[begins]
    lon, lat, time_us = points.lon[taken], points.lat[taken], points.time_us[taken]
    # stretches may share points; no velocity leads from one to the next
    dt_us = np.maximum(time_us[1:] - time_us[:-1], 1)
    squeeze = cos_latitude(lat[:-1])
    vx, vy = wrapped(lon[1:] - lon[:-1]) * squeeze / dt_us, (lat[1:] - lat[:-1]) / dt_us
    usable = (of[1:] == of[:-1]) & (dt_us <= longest_us)
    least = VEHICLE_MS * 1000 / MM_PER_DEGREE / US
    fast = usable & (vx * vx + vy * vy >= least * least)
    known, agree = usable[1:] & usable[:-1], fast[1:] & fast[:-1]
    agree &= vx[1:] * vx[:-1] + vy[1:] * vy[:-1] > 0
    for _ in range(IN_A_ROW - 1):
        known, agree = known[1:] & known[:-1], agree[1:] & agree[:-1]
    rows_of = np.bincount(of[: len(known)][known], minlength=len(first))
    agreeing = np.bincount(of[: len(agree)][agree], minlength=len(first))
    found: Bools = (rows_of >= FEWEST_ROWS) & (2 * agreeing >= rows_of)
    return found


def hold_laps(laps: Bools, begin: Ints, end: Ints) -> Bools:
    """Whether some slots from `begin` to `end` are laps. Shapes (k,)."""
    if not laps.any():
        return np.zeros(len(begin), dtype=np.bool_)
    total = running(laps)
    held: Bools = total[end + 1] > total[begin]
    return held
