"""Which points of a window the engine is given.

Points that lie nearer together than they are wrong seem to go back and forth, and a matched line
follows them: into side streets at junctions, up and down a road where a device stands. So the next
point is one that lies well beyond the noise, which collapses a stay to one point and thins dense
data, and costs the engine less besides. The tips of turns between them are kept as well.
"""

import math

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE, wrap_degrees
from trackflow.geo.points import Floats, Points
from trackflow.geo.thinning import with_tips
from trackflow.matching.windows import MatchSettings, Window

MIN_TRIPLES = 5
"""Fewer triples of points give no median worth the name."""

NOISE_STEP_S = 6.0
"""Steps longer than this do not measure noise: a car may turn in them."""

MEDIAN_OFF = 1.1774 * math.sqrt(1.5)
"""Median distance of a point from the middle of its neighbours, in standard deviations per axis:
that of a Rayleigh distribution, with the noise of three points in it."""


def to_metres(points: Points) -> tuple[Floats, Floats]:
    """Positions on a plane that is true to a window's size; (0, 0) is the first point."""
    scale = math.cos(math.radians(points.lat[0])) * METRES_PER_DEGREE
    x = wrap_degrees(points.lon - points.lon[0]) * scale
    y = (points.lat - points.lat[0]) * METRES_PER_DEGREE
    return x, y


def noise_m(points: Points, x: Floats, y: Floats) -> float:
    """Standard deviation, per axis, of how far points jump about; 0 where they are too few.

    A median over distances from the line between neighbours, so that turns do not count, nor does
    an error that changes slowly: that one does not make a line go back and forth.
    """
    seconds = (points.time_us[1:] - points.time_us[:-1]) / 1e6
    before, after = seconds[:-1], seconds[1:]
    usable = (before <= NOISE_STEP_S) & (after <= NOISE_STEP_S)
    if np.count_nonzero(usable) < MIN_TRIPLES:
        return 0.0
    share = before / (before + after)
    dx = x[1:-1] - x[:-2] - share * (x[2:] - x[:-2])
    dy = y[1:-1] - y[:-2] - share * (y[2:] - y[:-2])
    squares = np.sort((dx * dx + dy * dy)[usable])
    return math.sqrt(float(squares[len(squares) // 2])) / MEDIAN_OFF


def kept_points(
    window: Window, x: Floats, y: Floats, noise: float, settings: MatchSettings
) -> list[int]:
    """Indices of the points to match, in order; both seams are always among them.

    Each part is thinned from the seam outwards, so that two windows choose the same points behind
    the seam that they share.

    Args:
        window: the points and the two seams.
        x: metres to the east, shape (n,).
        y: metres to the north, shape (n,).
        noise: standard deviation of the points per axis, in metres.
        settings: how far apart points are kept.
    """
    x_m, y_m = x.tolist(), y.tolist()
    apart_m = max(settings.thin_m, settings.thin_noise * noise)
    first, last, total = window.first, window.last, len(window.points)

    def spaced(indices: range, near: int, far: int = 0) -> list[int]:
        """The first of `indices`, then each next one that is far enough from the last.

        After `near` of them each is twice as far from the last as that was, `far` times.
        """
        kept = [indices[0]]
        last_x, last_y, apart = x_m[kept[0]], y_m[kept[0]], apart_m**2
        for k in indices[1:]:
            if (x_m[k] - last_x) ** 2 + (y_m[k] - last_y) ** 2 >= apart:
                kept.append(k)
                if len(kept) > near + far:
                    break
                if len(kept) > near:
                    apart *= 4
                last_x, last_y = x_m[k], y_m[k]
        return kept

    before = spaced(range(first, -1, -1), settings.context_used, settings.context_far)
    own = with_tips(x_m, y_m, spaced(range(first, last), total), apart_m)
    near_seam = (x_m[own[-1]] - x_m[last]) ** 2 + (y_m[own[-1]] - y_m[last]) ** 2
    if len(own) > 1 and near_seam < (apart_m / 2) ** 2:
        own.pop()
    after = spaced(range(last, total), settings.context_used, settings.context_far)
    return [*reversed(before[1:]), *own, *after]
