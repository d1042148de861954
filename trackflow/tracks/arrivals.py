"""Arrivals: a device that pauses its reports some minutes after it came to rest.

The fixes before such a pause that lie where it begins are part of the stay, as are those after it
that lie where it ends: the pause itself proves that the device stood, and they show since when and
until when. Such rests are shorter than a stay, which would be one by itself.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points, e7
from trackflow.geo.steps import between_mm, unwrapped, wrapped
from trackflow.tracks.cleaning import CleanPoints
from trackflow.tracks.ends import CLOSE_M
from trackflow.tracks.ranges import flat_ranges, numbered, running
from trackflow.tracks.slots import E7, medians, slot_us
from trackflow.tracks.thresholds import US, Thresholds

STANDING_MS = 0.5
"""A device that takes longer to cross such a rest stands, as a slow walk is faster."""


def with_rests(
    cleaned: CleanPoints, stays: tuple[Ints, Ints], paused: Ints, cut: Bools, thresholds: Thresholds
) -> tuple[Ints, Ints]:
    """First and last points of rests beside pauses: all steps between them belong to stays.

    Args:
        cleaned: kept points and their steps. n points.
        stays: first and last points of stays, in order. Shapes (k,).
        paused: the silent steps that hold a stay before the begin of a track, in order.
        cut: steps across which no track goes on. Shape (n - 1,).
        thresholds: the limits.
    """
    (first, last), dt_us = stays, cleaned.dt_us
    dwell_us = int(thresholds.dwell_s * US)
    first, last = first[dt_us[first] >= dwell_us], last[dt_us[last - 1] >= dwell_us]
    before = _near_next(cleaned, np.concatenate([first, paused]), -1, cut)
    after = _near_next(cleaned, last, 0, cut)
    ends = np.concatenate([before, after])
    if not len(ends):
        return ends, ends
    points, time_us = cleaned.points, cleaned.points.time_us
    low, high = ends.copy(), ends + 1
    low[: len(before)] = time_us.searchsorted(time_us[before] - dwell_us)
    high[len(before) :] = time_us.searchsorted(time_us[after] + dwell_us, side="right")
    rows, of = flat_ranges(low, high), numbered(high - low)
    cuts = cut.nonzero()[0]
    far = cuts.searchsorted(rows) != cuts.searchsorted(ends)[of]
    far |= _apart_mm(points, rows, of, ends, slot_us(thresholds)) > CLOSE_M * 1000
    # A rest lasts from its end to the fix before the nearest one that is far from it.
    far_rows, edges = rows[far], running(far)[running(high - low)]
    none = edges[1:] == edges[:-1]
    ahead = np.arange(len(ends)) >= len(before)
    nearest = np.append(far_rows, 0)[np.where(ahead, edges[:-1], edges[1:] - 1)]
    first = np.where(ahead, ends, np.minimum(np.where(none, low, nearest + 1), ends))
    last = np.where(ahead, np.maximum(np.where(none, high, nearest) - 1, ends), ends)
    stands = time_us[last] - time_us[first] >= 2 * CLOSE_M / STANDING_MS * US
    return first[stands], last[stands]


def _near_next(cleaned: CleanPoints, ends: Ints, beside: int, cut: Bools) -> Ints:
    """Those ends of pauses whose next fix, over the step so much further, may be at one place."""
    steps = ends + beside
    ends = ends[(steps >= 0) & (steps < len(cut))]
    steps = ends + beside
    return ends[~cut[steps] & (cleaned.step_mm[steps] <= 2 * CLOSE_M * 1000)]


def _apart_mm(points: Points, rows: Ints, of: Ints, ends: Ints, beside_us: int) -> Floats:
    """How far fixes lie from where those of a slot's time beside the end of their pause do.

    Args:
        points: kept points, in order of time.
        rows: the fixes in question, of one pause after another. Shape (n,).
        of: which end of a pause each is asked for. Shape (n,).
        ends: the fixes at which pauses begin or end. Shape (k,).
        beside_us: length of a slot.
    """
    time_us = points.time_us
    beside = (np.abs(time_us[rows] - time_us[ends[of]]) <= beside_us).nonzero()[0]
    count = np.bincount(of[beside], minlength=len(ends))
    begin = count.cumsum() - count
    places = unwrapped(points.lon[rows[beside]]), points.lat[rows[beside]]
    lon_e7, lat_e7 = medians(places, begin, count, e7)
    lon, lat = wrapped(lon_e7 / E7), lat_e7 / E7
    return between_mm(lon[of], lat[of], points.lon[rows], points.lat[rows])
