"""Lines with fewer vertices, for maps that show a long time."""

import math

import numpy as np
import shapely

from trackflow.geo import polylines
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats
from trackflow.geo.steps import unwrapped


def simplified(positions: Floats, tolerance_m: float) -> Floats:
    """A line of fewer vertices that nowhere deviates by more than the tolerance.

    Positions are longitude and latitude, shape (n, 2). Longitudes of the result go on beyond 180
    degrees where the line crosses the antimeridian.
    """
    positions = np.column_stack([unwrapped(positions[:, 0]), positions[:, 1]])
    scale = max(math.cos(math.radians(float(positions[:, 1].mean()))), 1e-6)
    line = shapely.linestrings(positions * (scale, 1.0))
    simple = shapely.simplify(line, tolerance_m / METRES_PER_DEGREE, preserve_topology=False)
    kept: Floats = shapely.get_coordinates(simple) / (scale, 1.0)
    return np.round(kept, polylines.PRECISION)
