"""Smoothed positions: noise is removed as far as the points themselves show that it is noise.

Each point is put on a straight line in time, fitted to its neighbours. How many neighbours, the
points decide: each is left out in turn and predicted from those around it. Noise is predicted
better from many points, a turn from few. Where no more than the nearest neighbours help, the points
are left as they are: what looks like noise may be the way.
"""

import itertools

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints
from trackflow.geo.steps import cos_latitude, unwrapped

REACHES = (1, 2, 4, 8, 16)
"""So many points on either side are tried."""

BLOCK = 512
"""Noise and sampling change on the way: each block of so many points decides for itself."""

LONGEST_STEP_S = 30.0
"""No mean is taken over a longer step: a device can turn more than once in it."""

FEWEST = 5
"""Residuals of fewer points prove nothing."""

MOST_NOISE_M = 100.0
"""What is further off on the average is no noise but a way: of rounds that are seen at less than
three points each, a mean of many leaves nothing."""

OUTLIER = 9.0
"""A squared residual counts as no more than this many medians: an outlier is not the noise."""


def smoothed(time_us: Ints, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Longitudes and latitudes with less noise, of points in order of time; shapes (n,).

    Longitudes may lie beyond 180 degrees: they do not leap at the antimeridian.
    """
    lon, lat = unwrapped(lon).copy(), lat.copy()
    run_edges = np.flatnonzero(np.diff(time_us) > LONGEST_STEP_S * 1e6) + 1
    edges = [0, *run_edges.tolist(), len(time_us)]
    source_lon, source_lat = lon.copy(), lat.copy()
    for begin, end in itertools.pairwise(edges):
        for low in range(begin, end, BLOCK):
            high = min(low + BLOCK, end)
            around = slice(max(low - REACHES[-1], begin), min(high + REACHES[-1], end))
            if high - low < FEWEST:
                continue
            own = slice(low - around.start, high - around.start)
            seconds = (time_us[around] - time_us[low]) / 1e6
            found = _smooth_block(seconds, source_lon[around], source_lat[around], own)
            if found is not None:
                lon[low:high], lat[low:high] = found[0][own], found[1][own]
    return lon, lat


def _smooth_block(
    seconds: Floats, lon: Floats, lat: Floats, own: slice
) -> tuple[Floats, Floats] | None:
    """The positions of a block, None where they are best left alone.

    Args:
        seconds: times, shape (n,).
        lon: longitudes in degrees, of the block with its surroundings.
        lat: latitudes in degrees.
        own: the block itself.
    """
    # a step of latitude and one of longitude count by their length
    scale = float(cos_latitude(lat[own.start : own.start + 1])[0])
    x, y = (lon - lon[own.start]) * scale, lat - lat[own.start]
    best, best_error = 0, np.inf
    for reach in REACHES:
        error = _prediction_error(seconds, x, y, own, reach)
        if error is None or error >= best_error:
            break
        best, best_error = reach, error
    if best < 2 or best_error > MOST_NOISE_M**2:
        return None
    # half the reach: a line that is fitted over a turn cuts its corner
    _, fit_x, fit_y = _fit(seconds, x, y, best // 2)
    return lon[own.start] + fit_x / max(scale, 1e-9), lat[own.start] + fit_y


def _prediction_error(
    seconds: Floats, x: Floats, y: Floats, own: slice, reach: int
) -> float | None:
    """Mean square of how far points lie from what their neighbours predict, in square metres."""
    whole: Bools = np.zeros(len(x), dtype=bool)
    whole[own] = True
    whole[:reach] = False
    whole[len(x) - reach :] = False
    if np.count_nonzero(whole) < FEWEST:
        return None
    leverage, fit_x, fit_y = _fit(seconds, x, y, reach)
    # what a point is off a fit that it is part of, against one without it
    left_out = ((x - fit_x) ** 2 + (y - fit_y) ** 2) / np.maximum(1 - leverage, 1e-9) ** 2
    squares = left_out[whole]
    middle = float(np.sort(squares)[len(squares) // 2])
    return float(np.minimum(squares, OUTLIER * middle).mean()) * METRES_PER_DEGREE**2


def _fit(seconds: Floats, x: Floats, y: Floats, reach: int) -> tuple[Floats, Floats, Floats]:
    """Straight lines in time through each point's neighbourhood: weight of itself, x, y."""
    at = np.arange(len(x))
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(x))
    count = (high - low).astype(np.float64)
    mean = _window_sum(seconds, low, high) / count
    spread = np.maximum(_window_sum(seconds * seconds, low, high) - count * mean * mean, 1e-9)
    away = seconds - mean
    fits = []
    for values in (x, y):
        total = _window_sum(values, low, high)
        slope = (_window_sum(values * seconds, low, high) - mean * total) / spread
        fits.append(total / count + slope * away)
    return 1 / count + away * away / spread, fits[0], fits[1]


def _window_sum(values: Floats, low: Ints, high: Ints) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    found: Floats = sums[high] - sums[low]
    return found
