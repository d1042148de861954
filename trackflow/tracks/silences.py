"""Silences: times without points, judged by what lies around them.

Ends near each other are a stay (`stays` sees them as any other stretch). Ends apart at a plausible
speed are the same journey, unobserved: a tunnel, a ferry, a phone that reports every ten minutes.
A silence that leaves time for a stay beside the way, after which the device is seen moving, is the
stay of a tracker that sleeps while it is parked and wakes up too late: the track before it ends
with a stop, and the unobserved way is added to the track after it.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.cleaning import CleanPoints
from trackflow.tracks.ranges import flat_ranges, numbered, running, sums
from trackflow.tracks.slots import medians
from trackflow.tracks.stretches import scales
from trackflow.tracks.thresholds import US, Thresholds
from trackflow.tracks.walks import SHORTEST_WALK_US, VEHICLE_MS

WALK_MS = 1.0
"""A device on its way is at least this fast."""

AROUND_S = 3600.0
"""The time before and after a silence that shows how often the device reports."""

SLOWER = 0.5
"""A device is at least so fast in a silence as beside it, by this factor: a jam in the tunnel."""

WAKES_UP_M = 1_000.0
"""Trackers that sleep while they are parked are mostly awake after the first kilometre. A longer
silence may be a ferry, slower than the way beside it; but slower than a walk, something stood."""

SOON_S = 150.0
"""A device that sets out waits no longer at lights, before it goes on its way."""

OWN_INTERVALS = 5
"""Within so many of the device's own intervals it has lost some reports, and did not sleep."""


def is_parked(apart_m: float, silent_s: float, dwell_s: float) -> bool:
    """Whether a device that fell silent at the end of one track stood there until the next one.

    For silences of any length, once two tracks are known to be neighbours. A tracker that sleeps
    while it is parked may wake up late, but not kilometres away; and the way must leave time for a
    stay.
    """
    way_s = apart_m / WALK_MS
    return apart_m <= WAKES_UP_M and silent_s >= way_s + dwell_s


def longest_silence_us(thresholds: Thresholds) -> int:
    """A longer time without points cuts wherever its ends are."""
    return int(max(thresholds.gap_s, thresholds.silence_s) * US)


def still_silences(cleaned: CleanPoints, cut: Bools, thresholds: Thresholds) -> Ints:
    """Indices of the steps of the dwell time and more whose ends are near each other, in order.

    Args:
        cleaned: kept points and their steps. n points.
        cut: steps across which no track goes on. Shape (n - 1,).
        thresholds: the limits.
    """
    silent = (cleaned.dt_us >= int(thresholds.dwell_s * US)).nonzero()[0]
    silent = silent[~cut[silent]]
    near = np.zeros(len(silent), dtype=np.bool_)
    for lasts_us, diagonal_m in scales(thresholds):
        near |= (cleaned.dt_us[silent] >= lasts_us) & (cleaned.step_mm[silent] <= diagonal_m * 1000)
    return silent[near]


def pauses(cleaned: CleanPoints, staying: Bools, cut: Bools, thresholds: Thresholds) -> Ints:
    """Indices of the silent steps that hold a stay and the begin of a track, in order.

    Args:
        cleaned: kept points and their steps. n points.
        staying: steps that are part of a stay. Shape (n - 1,).
        cut: steps across which no track goes on. Shape (n - 1,).
        thresholds: the limits.
    """
    gap_us = int(thresholds.gap_s * US)
    dwell_us = int(min(thresholds.dwell_s, thresholds.gap_s) * US)
    silent = (cleaned.dt_us > dwell_us).nonzero()[0]
    silent = silent[~(staying[silent] | cut[silent])]
    if not len(silent):
        return silent
    # By the steps beside it alone, and not by whether they are part of a stay: that would be known
    # only from what lies another silence away.
    last_ms, next_ms = _speeds_ms(cleaned, silent - 1), _speeds_ms(cleaned, silent + 1)
    # A cut may be so long that a day is read without the point before it.
    last_ms[cut[np.maximum(silent - 1, 0)]] = 0.0
    beside = np.minimum(silent + 1, len(cleaned.dt_us) - 1)
    moves_on = (next_ms >= WALK_MS) & (cleaned.dt_us[beside] <= gap_us) & ~cut[beside]
    moves_on |= _leaves(cleaned.points, silent + 1, cut, WALK_MS)
    near = cleaned.step_mm[silent] <= WAKES_UP_M * 1000
    way_ms = np.where(near, np.maximum(np.maximum(last_ms, next_ms) * SLOWER, WALK_MS), WALK_MS)
    way_us = cleaned.step_mm[silent] / 1000 / way_ms * US
    silent = silent[moves_on & (way_us + thresholds.dwell_s * US <= cleaned.dt_us[silent])]
    return silent[cleaned.dt_us[silent] > OWN_INTERVALS * own_interval_us(cleaned, silent)]


def late_wakings(
    cleaned: CleanPoints, still: Ints, stays: tuple[Ints, Ints], cut: Bools, thresholds: Thresholds
) -> tuple[Ints, Ints]:
    """Silences of stays from which a vehicle wakes up on its way, and the ends of their stays.

    Its tracker slept while it was parked, and first reports when it has set out: the way from
    where it was last seen was driven, and would else be in no track.

    Args:
        cleaned: kept points and their steps. n points.
        still: the silences whose ends are near each other, in order.
        stays: first and last points of stays, in order. Shapes (k,).
        cut: steps across which no track goes on. Shape (n - 1,).
        thresholds: the limits.
    """
    claimed_m = np.nan_to_num(cleaned.points.accuracy_m[np.stack([still, still + 1])])
    noise_m = thresholds.noise_m + claimed_m.sum(axis=0)
    still = still[cleaned.step_mm[still] > noise_m * 1000]
    ends = stays[1][stays[0].searchsorted(still, side="right") - 1]
    time_us = cleaned.points.time_us
    soon = time_us[ends] - time_us[still + 1] < SHORTEST_WALK_US
    still, ends = still[soon], ends[soon]
    if len(still):
        leaving = _leaves(cleaned.points, still + 1, cut, VEHICLE_MS)
        still, ends = still[leaving], ends[leaving]
    return still, ends


def _leaves(points: Points, at: Ints, cut: Bools, speed_ms: float) -> Bools:
    """Whether a device is soon as far from some points as a speed leads, be it after a light."""
    time_us = points.time_us
    count = time_us.searchsorted(time_us[at] + int(SOON_S * US), side="right") - at
    rows, of = flat_ranges(at, at + count), at.repeat(count)
    far = between_mm(points.lon[of], points.lat[of], points.lon[rows], points.lat[rows])
    cuts = running(cut)
    found = (far >= speed_ms * SOON_S * 1000) & (cuts[rows] == cuts[of])
    leaves: Bools = sums(found, count) > 0
    return leaves


def _speeds_ms(cleaned: CleanPoints, steps: Ints) -> Floats:
    """Speeds of steps in m/s; 0 for one that does not exist."""
    exists = (steps >= 0) & (steps < len(cleaned.dt_us))
    steps = np.where(exists, steps, 0)
    return np.where(exists, cleaned.step_mm[steps] / cleaned.dt_us[steps] * (US / 1000), 0.0)


def own_interval_us(cleaned: CleanPoints, steps: Ints) -> Ints:
    """Median time between the points around each step, the step itself left out; 0 for none."""
    time_us = cleaned.points.time_us
    around_us = int(AROUND_S * US)
    low = np.searchsorted(time_us, time_us[steps] - around_us)
    high = np.searchsorted(time_us, time_us[steps + 1] + around_us, side="right") - 1
    rows, of = flat_ranges(low, high), numbered(high - low)
    others = rows != steps[of]
    rows, of = rows[others], of[others]
    count = np.bincount(of, minlength=len(steps))
    found = np.zeros(len(steps), dtype=np.int64)
    some = count > 0
    first = np.cumsum(count) - count
    dt_us = cleaned.dt_us[rows].astype(np.float64)
    (found[some],) = medians([dt_us], first[some], count[some])
    return found
