"""Distances between points, for arrays.

`step_m` serves the millions of short steps between neighbouring points, `haversine_m` everything
else. Both use the mean Earth radius, which is within 0.3 % of the ellipsoid everywhere.
"""

import numpy as np

from trackflow.geo.points import Floats

EARTH_RADIUS_M = 6_371_008.8
METRES_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180


def wrap_degrees(delta: Floats) -> Floats:
    """Differences of longitude brought into [-180, 180): the short way round."""
    return (delta + 180.0) % 360.0 - 180.0


def haversine_m(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats) -> Floats:
    """Great-circle distance in metres.

    Args:
        lon1: degrees, of one point or of many; the four shapes broadcast.
        lat1: degrees.
        lon2: degrees, of the other points.
        lat2: degrees.
    """
    phi1, phi2 = np.radians(lat1), np.radians(lat2)
    half_dphi, half_dlam = (phi2 - phi1) / 2, np.radians(lon2 - lon1) / 2
    h = np.sin(half_dphi) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin(half_dlam) ** 2
    distance: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(h, 1.0)))
    return distance


def step_m(lon: Floats, lat: Floats) -> Floats:
    """Distance from each point to the next, in metres: shape (n,) gives (n - 1,).

    Equirectangular at the mean latitude of each pair: off by less than 1e-4 up to 50 km below 80
    degrees of latitude, a few times faster than haversine.
    """
    dx = wrap_degrees(np.diff(lon)) * np.cos(np.radians((lat[1:] + lat[:-1]) / 2))
    step: Floats = np.hypot(dx, np.diff(lat)) * METRES_PER_DEGREE
    return step
