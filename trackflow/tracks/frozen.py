"""Frozen fixes: a device repeats its last position while it moves on, and then jumps.

Without reception, as in a tunnel or the underground, some devices send their last fix again and
again. What follows is a step that nothing could make in its time, but anything since the fix was
new. So the repeats are dropped for as long as the way takes, if the device moves before and after
them: what rests in between may have stayed, and a jump from it may be a wrong fix.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.ranges import contains
from trackflow.tracks.speeds import possible_mm
from trackflow.tracks.thresholds import FROZEN_S, US, Thresholds

SLOWER = 0.5
"""Unseen, it is at least so fast as beside it, by this factor: trains stop, tunnels have jams."""

WALK_MS = 1.0
"""A device on its way is at least this fast."""


def frozen_fixes(
    points: Points, step_mm: Floats, wrong: tuple[Ints, Ints], thresholds: Thresholds
) -> Ints:
    """Indices of the repeats of a fix while the device moved on, in order.

    Args:
        points: without spikes, times strictly increasing. Shape (n,).
        step_mm: distance from each to the next. Shape (n - 1,).
        wrong: impossible steps, and those inside mixtures, both in order.
        thresholds: the limits.
    """
    impossible, mixed = wrong
    if not (len(impossible) and thresholds.looks_far):
        return np.empty(0, dtype=np.int64)
    steps = impossible[(impossible > 0) & ~contains(mixed, impossible)]
    steps = steps[step_mm[steps - 1] == 0]
    found = [_repeats(points, step_mm, step, thresholds) for step in steps.tolist()]
    return np.concatenate(found) if found else steps


def _repeats(points: Points, step_mm: Floats, step: int, thresholds: Thresholds) -> Ints:
    """The repeats before an impossible step that are too late for its way."""
    time_us, none = points.time_us, np.empty(0, dtype=np.int64)
    earliest = int(time_us.searchsorted(time_us[step + 1] - int(FROZEN_S * US)))
    moves = step_mm[earliest:step].nonzero()[0]
    if not len(moves):
        return none
    first = earliest + int(moves[-1]) + 1
    frozen_us = time_us[step + 1] - time_us[first : first + 1]
    if step_mm[step] > possible_mm(frozen_us, thresholds)[0]:
        return none
    around_us = int(thresholds.spike_s * US)
    low = int(time_us.searchsorted(time_us[first] - around_us))
    high = int(time_us.searchsorted(time_us[step + 1] + around_us, side="right"))
    before, after = np.arange(low, first), np.arange(step + 2, high)
    near_m = 2 * thresholds.dwell_radius_m
    comes = _far(points, before, first, near_m) & _far(points, before, step + 1, near_m)
    leaves = _far(points, after, step + 1, near_m) & _far(points, after, first, near_m)
    if not (comes.any() and leaves.any()):
        return none
    beside = np.array([first - 1, step + 1])
    fastest_ms = (step_mm[beside] / 1000 / (time_us[beside + 1] - time_us[beside]) * US).max()
    way_ms = min(max(fastest_ms * SLOWER, WALK_MS), thresholds.max_speed_kmh / 3.6)
    way_us = step_mm[step] / 1000 / way_ms * US
    late = time_us[step + 1] - time_us[first + 1 : step + 1] < way_us
    repeats: Ints = late.nonzero()[0] + first + 1
    return repeats


def _far(points: Points, rows: Ints, place: int, near_m: float) -> Bools:
    """Which points are elsewhere than one of them is."""
    lon, lat = points.lon, points.lat
    far: Bools = between_mm(lon[rows], lat[rows], lon[[place]], lat[[place]]) > near_m * 1000
    return far
