"""Which steps no movement explains: speed by agreement, not by a limit for cars.

A step faster than `max_speed_kmh` is impossible unless its neighbours agree on that speed: trains
and planes are fast for many fixes in a row, a wrong fix is fast for two steps that point away from
each other. And a step is not fast only because the fix before it was late: trackers repeat their
last position and then catch up, which looks like 441 km/h for two seconds.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import MM_PER_DEGREE, between_mm, cos_latitude
from trackflow.tracks.ranges import united
from trackflow.tracks.thresholds import US, Thresholds

CATCH_UP_S = 15.0
"""A repeated fix makes the next step look fast; over this long it no longer does."""

AGREEING_STEPS = 3
"""So many steps in a row with nearly the same velocity are a movement."""

TURN = 2.0
"""A mean speed to a turn and back is less than the highest speed by this factor."""

AGREE_SHARE = 0.35
"""Velocities agree if they differ by at most this share of the larger one: in 10 s a train may
brake by a tenth of its speed, while a wrong fix turns round."""

NO_STEPS: Ints = np.empty(0, dtype=np.int64)


def possible_mm(dt_us: Ints, thresholds: Thresholds) -> Floats:
    """The longest possible steps without agreement, in mm, for the given times."""
    mm_per_us = thresholds.max_speed_kmh / 3.6 * 1000 / US
    return dt_us.astype(np.float64) * mm_per_us + thresholds.noise_m * 1000


def impossible_steps(points: Points, dt_us: Ints, step_mm: Floats, thresholds: Thresholds) -> Ints:
    """Indices of the steps that no movement explains, in order.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        dt_us: time from each to the next. Shape (n - 1,).
        step_mm: distance from each to the next. Shape (n - 1,).
        thresholds: the limits.
    """
    if not len(dt_us):
        return NO_STEPS
    # One scalar comparison rules out nearly all steps before any limit is worked out.
    shortest_limit = possible_mm(dt_us.min(keepdims=True), thresholds)
    fast = (step_mm > shortest_limit).nonzero()[0]
    fast = fast[step_mm[fast] > possible_mm(dt_us[fast], thresholds)]
    if not len(fast):
        return fast
    # No further than it gets in the time that it may be late: two senders are further apart.
    late_mm = possible_mm(np.array([int(CATCH_UP_S * US)]), thresholds)
    near = step_mm[fast] <= late_mm
    if near.any():
        near[near] = _catches_up(points, dt_us, fast[near], thresholds)
        fast = fast[~near]
    return fast[~agreed(points, dt_us, fast, thresholds)]


def there_and_back(points: Points, dt_us: Ints, step_mm: Floats, thresholds: Thresholds) -> Ints:
    """Indices of the steps to and from single points that are reached and left too fast.

    What turns back must stop first and gain speed again: a mean speed of half the highest
    there and back is impossible. The points beside the turn lie nearer together than half the way
    to either of them.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        dt_us: time from each to the next. Shape (n - 1,).
        step_mm: distance from each to the next. Shape (n - 1,).
        thresholds: the limits.
    """
    if len(dt_us) < 2:
        return NO_STEPS
    shortest_limit = _turning_mm(dt_us.min(keepdims=True), thresholds)
    fast = (step_mm > shortest_limit).nonzero()[0]
    fast = fast[step_mm[fast] > _turning_mm(dt_us[fast], thresholds)]
    into = fast[:-1][fast[1:] - fast[:-1] == 1]
    if not len(into):
        return NO_STEPS
    apart_mm = between_mm(
        points.lon[into], points.lat[into], points.lon[into + 2], points.lat[into + 2]
    )
    into = into[apart_mm < np.minimum(step_mm[into], step_mm[into + 1]) / 2]
    return united(into, into + 1)


def _turning_mm(dt_us: Ints, thresholds: Thresholds) -> Floats:
    """The longest steps to a point where something turns back, in mm."""
    slack_mm = thresholds.noise_m * 1000
    return (possible_mm(dt_us, thresholds) - slack_mm) / TURN + slack_mm


def _catches_up(points: Points, dt_us: Ints, steps: Ints, thresholds: Thresholds) -> Bools:
    """Whether short steps are possible once looked at over `CATCH_UP_S` on either side."""
    time_us, span_us = points.time_us, int(CATCH_UP_S * US)
    before = np.searchsorted(time_us, time_us[steps + 1] - span_us, side="right") - 1
    after = np.searchsorted(time_us, time_us[steps] + span_us)
    inside = (before >= 0) & (after < len(points)) & (dt_us[steps] < span_us)
    before, after = np.where(inside, before, steps), np.where(inside, after, steps + 1)
    # A gap beside the step does not measure the time in which the step was made.
    limit_us = int(thresholds.spike_s * US)
    inside &= (time_us[steps + 1] - time_us[before] <= limit_us) & (
        time_us[after] - time_us[steps] <= limit_us
    )
    return (
        inside
        & _is_possible(points, before, steps + 1, thresholds)
        & _is_possible(points, steps, after, thresholds)
    )


def _is_possible(points: Points, here: Ints, there: Ints, thresholds: Thresholds) -> Bools:
    apart_mm = between_mm(points.lon[here], points.lat[here], points.lon[there], points.lat[there])
    possible: Bools = apart_mm <= possible_mm(
        points.time_us[there] - points.time_us[here], thresholds
    )
    return possible


def agreed(points: Points, dt_us: Ints, steps: Ints, thresholds: Thresholds) -> Bools:
    """Whether steps have about the velocity of their neighbours.

    A step is agreed on if it is one of `AGREEING_STEPS` steps in a row whose velocities hardly
    differ, none of them across a time longer than `spike_s`.

    Args:
        points: in order of time, shape (n,).
        dt_us: microseconds from each point to the next, shape (n - 1,).
        steps: indices of the steps in question, shape (k,).
        thresholds: of the device.
    """
    reach = AGREEING_STEPS - 1
    around = steps[:, None] + np.arange(-reach, reach + 1)  # (k, 5)
    exists = (around >= 0) & (around < len(dt_us))
    around = np.where(exists, around, steps[:, None])
    exists &= dt_us[around] <= thresholds.spike_s * US
    vx, vy, slack = _velocities(points, around, around + 1, thresholds)
    speed = np.sqrt(vx * vx + vy * vy)
    ax, ay = vx[:, 1:] - vx[:, :-1], vy[:, 1:] - vy[:, :-1]
    differ = np.sqrt(ax * ax + ay * ay)
    faster = np.maximum(speed[:, 1:], speed[:, :-1])
    alike = differ <= AGREE_SHARE * faster + np.maximum(slack[:, 1:], slack[:, :-1])
    alike &= exists[:, 1:] & exists[:, :-1]
    # Within the noise any two short steps are alike: both must be fast.
    alike &= np.minimum(speed[:, 1:], speed[:, :-1]) * 2 >= faster
    found: Bools = (alike[:, :-1] & alike[:, 1:]).any(axis=1)
    return found


def bridge_agrees(
    points: Points, dt_us: Ints, before: Ints, after: Ints, thresholds: Thresholds
) -> Bools:
    """Whether the way from one point to a later one has the velocity of the steps beside it.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        dt_us: time from each to the next. Shape (n - 1,).
        before: the first points. Shape (k,).
        after: the later points. Shape (k,).
        thresholds: the limits.
    """
    sides = np.stack([before - 1, after], axis=1)
    exists = (sides >= 0) & (sides < len(dt_us))
    sides = np.where(exists, sides, 0)
    exists &= dt_us[sides] <= thresholds.spike_s * US
    vx, vy, slack = _velocities(points, sides, sides + 1, thresholds)
    bx, by, _ = _velocities(points, before[:, None], after[:, None], thresholds)
    speed = np.sqrt(bx * bx + by * by)
    differ = np.sqrt((vx - bx) ** 2 + (vy - by) ** 2)
    alike = (differ <= AGREE_SHARE * speed + slack) | ~exists
    found: Bools = alike.all(axis=1) & exists.any(axis=1)
    return found


def _velocities(
    points: Points, here: Ints, there: Ints, thresholds: Thresholds
) -> tuple[Floats, Floats, Floats]:
    """East and north velocity between pairs of points in mm per µs, and what noise may add."""
    dlon = points.lon[there] - points.lon[here]
    dlon -= 360 * np.rint(dlon / 360)
    dlat = points.lat[there] - points.lat[here]
    squeeze = cos_latitude((points.lat[there] + points.lat[here]).ravel() / 2)
    time = np.maximum(points.time_us[there] - points.time_us[here], 1).astype(np.float64)
    vx = dlon * squeeze.reshape(dlon.shape) * MM_PER_DEGREE / time
    return vx, dlat * MM_PER_DEGREE / time, thresholds.noise_m * 1000 / time
