"""Lengths of steps in whole millimetres, the same bit for bit however the points were cut up.

`distance.step_m` is for any use; this one is for decisions and sums. It uses only operations that
IEEE 754 rounds exactly, one pair of points at a time, so a step's length depends on its two points
and on nothing else (a vectorised cosine may differ in the last bit between the middle and the tail
of an array, and between machines). Whole millimetres make sums exact in any order.
"""

from functools import cache

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats

CELLS_PER_DEGREE = 1000
"""Cosines come from a table of 0.001 degrees: off by less than 2e-5 up to 66 degrees of latitude,
which is a hundredth of what treating the Earth as a sphere costs. Much faster than `np.cos`."""

MM_PER_DEGREE = METRES_PER_DEGREE * 1000


@cache
def _cosines() -> Floats:
    """The cosine at the middle of each cell of latitude from -90 to 90 degrees, rounded.

    Rounding to 12 digits hides the last bit of the platform's cosine.
    """
    cells = 90 * CELLS_PER_DEGREE
    north = np.cos(np.radians((np.arange(cells) + 0.5) / CELLS_PER_DEGREE)).round(12)
    # One more cell at either end for the poles themselves.
    return np.concatenate([[0.0], north[::-1], north, [0.0]])


def cos_latitude(lat: Floats) -> Floats:
    """Cosines of latitudes from -90 to 90 degrees; never larger nearer to a pole."""
    return _cosines_at(lat * 2)


def _cosines_at(lat_sum: Floats) -> Floats:
    """Cosines at half of `lat_sum`, which is overwritten."""
    lat_sum *= CELLS_PER_DEGREE / 2
    lat_sum += 90 * CELLS_PER_DEGREE + 1
    # Of 32 bits: processors turn floats into those four times as fast, and take widens them again.
    return _cosines().take(lat_sum.astype(np.int32), mode="clip")


def steps_mm(lon: Floats, lat: Floats) -> Floats:
    """Length of the step from each point to the next, whole millimetres as floats.

    Shape (n,) gives (n - 1,). Floats hold whole numbers up to 2**53 exactly: 9e9 km.
    """
    return _lengths_mm(lon[1:] - lon[:-1], lat[1:] - lat[:-1], lat[1:] + lat[:-1])


def between_mm(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats) -> Floats:
    """Distance between pairs of points in millimetres, by the arithmetic of `steps_mm`.

    Args:
        lon1: degrees, shape (n,), as the other three.
        lat1: degrees.
        lon2: degrees.
        lat2: degrees.
    """
    return _lengths_mm(lon2 - lon1, lat2 - lat1, lat1 + lat2)


def _lengths_mm(dlon: Floats, dlat: Floats, lat_sum: Floats) -> Floats:
    """Lengths from differences; all three arguments are overwritten."""
    if len(dlon) and (np.maximum.reduce(dlon) > 180 or np.minimum.reduce(dlon) < -180):
        dlon[dlon > 180] -= 360
        dlon[dlon < -180] += 360
    dlon *= _cosines_at(lat_sum)
    dlon *= dlon
    dlat *= dlat
    dlon += dlat
    np.sqrt(dlon, out=dlon)
    dlon *= MM_PER_DEGREE
    np.rint(dlon, out=dlon)
    return dlon


def wrapped(lon: Floats) -> Floats:
    """Longitudes from -180 to 180 degrees, of ones that may have gone round the Earth."""
    turned: Floats = lon + 180
    if len(lon) and (np.minimum.reduce(turned) < 0 or np.maximum.reduce(turned) >= 360):
        turned = np.remainder(turned, 360)
    turned -= 180
    return turned


def unwrapped(lon: Floats) -> Floats:
    """Longitudes without the leap of 360 degrees at the antimeridian.

    The same array when nothing crosses. Rounded to E7, differences are exact wherever a chunk
    began, because whole turns are whole numbers of E7.
    """
    if len(lon) < 2 or lon.max() - lon.min() <= 180:
        return lon
    turns = np.cumsum(np.rint(np.diff(lon, prepend=lon[0]) / 360))
    straight: Floats = lon - 360 * turns
    return straight
