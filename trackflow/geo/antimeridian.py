"""Lines over the antimeridian, cut there as RFC 7946 (GeoJSON, section 3.1.9) asks for.

A line from 179.9 to -179.9 degrees is 20 km long; drawn as it is written it goes round the Earth.
So it is cut at 180 degrees, with a vertex on either side of the cut.
"""

import itertools

import numpy as np

from trackflow.geo.points import Floats, Ints
from trackflow.geo.steps import unwrapped


def cut(lon: Floats, lat: Floats) -> list[tuple[Floats, Floats]]:
    """The parts of a line on either side of the antimeridian; the line itself if it is not crossed.

    Args:
        lon: degrees, shape (n,); they may leap at the antimeridian or go on beyond 180.
        lat: degrees, shape (n,).

    Returns:
        Longitudes, from -180 to 180, and latitudes of each part, in order.
    """
    inside = not len(lon) or (lon.min() >= -180 and lon.max() <= 180)
    if inside and (len(lon) < 2 or np.abs(np.diff(lon)).max() <= 180):
        return [(lon, lat)]
    if len(lon) == 1:
        return [((lon + 180) % 360 - 180, lat)]
    lon, lat = _with_crossings(unwrapped(lon), lat)
    sheet = _sheets(lon)
    edges = [0, *(np.flatnonzero(np.diff(sheet)) + 1).tolist(), len(sheet)]
    return [
        (lon[low : high + 1] - 360.0 * sheet[low], lat[low : high + 1])
        for low, high in itertools.pairwise(edges)
    ]


def positions_cut(positions: Floats) -> list[Floats]:
    """The same for positions of shape (n, 2): longitude and latitude."""
    return [np.column_stack(part) for part in cut(positions[:, 0], positions[:, 1])]


def _with_crossings(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The line with a vertex wherever it goes over the antimeridian between two others."""
    before, after = lon[:-1], lon[1:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    # the one antimeridian that may lie between two vertices less than half a turn apart
    edge = np.floor((low + 180) / 360) * 360 + 180
    steps = np.flatnonzero((low < edge) & (edge < high))
    share = (edge[steps] - before[steps]) / (after[steps] - before[steps])
    crossing = lat[steps] + share * (lat[steps + 1] - lat[steps])
    return np.insert(lon, steps + 1, edge[steps]), np.insert(lat, steps + 1, crossing)


def _sheets(lon: Floats) -> Ints:
    """How many turns each step of a line is away from where longitudes belong; shape (n - 1,).

    A step along the antimeridian itself belongs to the step before it, or to the first that leaves.
    """
    middle = (lon[:-1] + lon[1:]) / 2
    sheet = np.floor((middle + 180) / 360).astype(np.int64)
    along = (lon[:-1] == lon[1:]) & ((lon[:-1] + 180) % 360 == 0)
    if along.any():
        known = np.flatnonzero(~along)
        if not len(known):
            return np.zeros_like(sheet)
        at = np.maximum(np.searchsorted(known, np.arange(len(sheet)), side="right") - 1, 0)
        sheet = sheet[known[at]]
    return sheet
