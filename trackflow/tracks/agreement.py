"""The speed that neighbouring steps agree on, which noise does not have.

The mean product of each velocity with the next one is the square of the speed, times the cosine of
the turn between them. Noise takes no part in it: what one fix is off goes into two steps with
opposite signs, so its product is negative, and slow drift has velocities that are independent of
each other.

What goes round, or to and fro, in less time than a few steps agrees with no neighbour; but from any
step to the one so many later it has turned by the same angle. Noise turns by any.
"""

from typing import NamedTuple

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points, e7
from trackflow.geo.steps import MM_PER_DEGREE, cos_latitude, unwrapped
from trackflow.tracks.ranges import flat_ranges, running
from trackflow.tracks.slots import E7, slot_us
from trackflow.tracks.thresholds import US, Thresholds

BINS_PER_SLOT = 3
"""One point is taken from each 10 s by the clock: at 1 Hz a step is as long as its noise. Not their
mean: means of drifting fixes move as if they agreed."""

LONGEST_STEP_US = 60 * US
"""Longer steps hide turns; they give no speed in between."""

FEWEST_STEPS = 3
"""The fewest pairs of neighbouring velocities that give a speed."""

FASTEST_MM_PER_S = 1_500
"""A velocity is cut to that of a walk, so that a few wild fixes do not outweigh minutes of rest.
The agreed speed shows for how much of the time something moved, not how fast."""

MOST_LAG = 6
"""Rounds are looked for over so many steps. Longer ones agree from each step to the next."""

CHANCE = 6.0
"""So surely velocities in any directions agree by chance in one of e to the 6 (400) stretches: by
Rayleigh's test, how many they are, times the square of the share in which they agree."""


class Velocities(NamedTuple):
    """Velocities within stretches of points, from each bin of time to the next.

    Those of the first stretch are `[begin[0]:end[0]]`; stretches share them.

    Attributes:
        east: in mm/s. Shape (n,).
        north: the same.
        valid: whether it counts: a silence has none. Shape (n,).
        begin: the first one of each stretch. Shape (k,).
        end: the one after its last. Shape (k,).
    """

    east: Ints
    north: Ints
    valid: Bools
    begin: Ints
    end: Ints


def velocities(points: Points, first: Ints, last: Ints, thresholds: Thresholds) -> Velocities:
    """The velocities within stretches of points.

    Args:
        points: kept points, in order of time. Shape (n,).
        first: index of the first point of each stretch. Shape (k,).
        last: index of its last point. Shape (k,).
        thresholds: the limits.
    """
    if not len(first):
        nothing = np.empty(0, dtype=np.int64)
        return Velocities(nothing, nothing, np.empty(0, dtype=np.bool_), nothing, nothing)
    # Only the points in question are looked at; neighbouring stretches share them.
    order = first.argsort(kind="stable")
    low, reach = first[order], np.maximum.accumulate(last[order])
    opens = np.ones(len(low), dtype=np.bool_)
    np.greater(low[1:], reach[:-1], out=opens[1:])
    starts = opens.nonzero()[0]
    low, high = low[starts], reach[np.concatenate([starts[1:] - 1, [-1]])] + 1
    rows = flat_ranges(low, high)
    # A slot begins with a bin, also where its length is not three whole bins: otherwise a bin would
    # depend on whether the stretch before it is asked as well.
    number = points.time_us[rows] * BINS_PER_SLOT // slot_us(thresholds)
    begins = np.ones(len(rows), dtype=np.bool_)
    np.not_equal(number[1:], number[:-1], out=begins[1:])
    begins[(high - low).cumsum()[:-1]] = True
    bins = begins.nonzero()[0]
    begin, end = (
        bins.searchsorted(rows.searchsorted(at), side="right") - 1 for at in (first, last)
    )
    return Velocities(*_velocities(points, rows, bins), begin, end)


def agreed_speeds_ms(of: Velocities) -> Floats:
    """The agreed speed of each stretch, in m/s; NaN where there are too few points. Shape (k,)."""
    agreed = _mean_products(*of)
    speeds: Floats = np.sqrt(np.maximum(agreed, 0.0)) / 1000
    return speeds


def rhythms(of: Velocities, asked: Bools) -> Floats:
    """How surely the device goes round, or to and fro, at a steady rhythm; above `CHANCE` it does.

    The velocities are vectors, and two of them have turned by the angle of their product as complex
    numbers, the one conjugated: it has the real part `along` and the imaginary part `across`.

    Args:
        of: the velocities.
        asked: the stretches in question; 0 is the answer for others, and for those that are too
            slow, or too short, to be told from chance. Shape (k,).
    """
    vx, vy = of.east * of.valid, of.north * of.valid
    power = running(vx * vx + vy * vy)
    power = power[of.end] - power[of.begin]
    found = np.zeros(len(asked))
    chosen = (asked & (power > CHANCE * FASTEST_MM_PER_S**2)).nonzero()[0]
    if not len(chosen):
        return found
    begin, end = of.begin[chosen], of.end[chosen]
    opened, closed = (np.bincount(at, minlength=len(vx) + 1)[:-1] for at in (begin, end))
    inside = (opened - closed).cumsum() > 0
    vx, vy, at = vx[inside], vy[inside], running(inside)
    begin, end = at[begin], at[end]
    ahead = np.zeros((2, len(vx) + MOST_LAG), dtype=np.int64)
    ahead[0, : len(vx)], ahead[1, : len(vx)] = vx, vy
    places = np.arange(len(vx))[:, None] + np.arange(1, MOST_LAG + 1)
    later = ahead.take(places, axis=1)  # (2, n, lags)
    along, across = np.zeros((2, len(vx) + 1, MOST_LAG), dtype=np.int64)
    np.cumsum(vx[:, None] * later[0] + vy[:, None] * later[1], axis=0, out=along[1:])
    np.cumsum(vx[:, None] * later[1] - vy[:, None] * later[0], axis=0, out=across[1:])
    # Of a stretch, those pairs whose later step is in it as well.
    high = np.maximum(end[:, None] - np.arange(1, MOST_LAG + 1), begin[:, None])
    low, lag = begin[:, None], np.arange(MOST_LAG)
    real, imaginary = along[high, lag] - along[low, lag], across[high, lag] - across[low, lag]
    real[:, 0] = np.maximum(real[:, 0], 0)  # the errors of two steps with a fix in common turn back
    agreed = real.astype(np.float64) ** 2 + imaginary.astype(np.float64) ** 2
    by_chance = FASTEST_MM_PER_S**2 * (power[chosen] / (end - begin))[:, None] * (high - low)
    found[chosen] = (agreed / np.maximum(by_chance, 1.0)).max(axis=1)
    return found


def _mean_products(vx: Ints, vy: Ints, valid: Bools, first_bin: Ints, last_bin: Ints) -> Floats:
    """Mean product of velocities with the next ones, within stretches of bins, in (mm/s)².

    Whole numbers, so that their running sums are exact in any chunk. NaN where there are too few.
    """
    both = valid[:-1] & valid[1:]
    product = (vx[:-1] * vx[1:] + vy[:-1] * vy[1:]) * both
    # Of a stretch of bins a..b the velocities a..b-1 are its own, and the products a..b-2.
    count = np.maximum(last_bin - first_bin - 1, 0)
    total, steps, end = running(product), running(both), first_bin + count
    step_counts = steps[end] - steps[first_bin]
    means: Floats = (total[end] - total[first_bin]) / np.maximum(step_counts, 1)
    means[step_counts < FEWEST_STEPS] = np.nan
    return means


def _velocities(points: Points, rows: Ints, bins: Ints) -> tuple[Ints, Ints, Bools]:
    """East and north velocity from each bin to the next in mm/s, and whether it counts."""
    counts = np.concatenate([bins[1:], [len(rows)]]) - bins
    middle = rows[bins + counts // 2]
    lon_e7, lat_e7 = e7(unwrapped(points.lon[middle])), e7(points.lat[middle])
    time_us = points.time_us[middle]
    squeeze = cos_latitude(lat_e7[:-1] / E7)
    dt_s = np.maximum((time_us[1:] - time_us[:-1]) / US, 0.001)
    vx = (lon_e7[1:] - lon_e7[:-1]) * squeeze * (MM_PER_DEGREE / E7) / dt_s
    vy = (lat_e7[1:] - lat_e7[:-1]) * (MM_PER_DEGREE / E7) / dt_s
    cap = np.minimum(1.0, FASTEST_MM_PER_S / np.maximum(np.sqrt(vx * vx + vy * vy), 1e-9))
    vx, vy = np.rint(vx * cap).astype(np.int64), np.rint(vy * cap).astype(np.int64)
    return vx, vy, dt_s * US <= LONGEST_STEP_US
