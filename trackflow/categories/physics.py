"""What holds for all who travel: facts of vehicles, not of the people whom the classifier has seen.

Numbers are round; they come from how vehicles are built and driven, and were not fitted.
"""

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import Slots, names
from trackflow.categories.modes import CLASSES
from trackflow.geo.distance import haversine_m
from trackflow.geo.points import Bools, Floats

STANDING_MS = 0.3
"""Mean speed over a minute. Who stands may be waiting with a bicycle, at a light or at a corner: it
says nothing of the mode, and a ride with many halts stays a ride."""

FAST_MS = 15.0
SMOOTH_MS2, SMOOTHEST_MS2 = 0.08, 0.04
"""Mean change of speed over twenty minutes at more than 54 km/h: a train coasts for minutes, and a
car that is as fast meets other cars, ramps and lights. A rough ride says nothing: metros accelerate
harder than cars."""

SMOOTH_LOG_ODDS = 5.0

LEFT_M = 200.0
"""Who leaves a bicycle comes back to it: a walk between two rides that ends further away from where
it began was a slow stretch of the ride, or the bicycle was pushed."""

LONGEST_PUSH_SLOTS = 60

FOOT, BICYCLE, RAIL = (CLASSES.index(name) for name in ("foot", "bicycle", "rail"))


def is_standing(slots: Slots) -> Bools:
    """Whether the device stays where it is, slot by slot."""
    found: Bools = _feature(slots, "speed_60") < np.log1p(STANDING_MS)
    return found


def rail_log_odds(slots: Slots) -> Floats:
    """How much likelier a train explains each slot: 0 or more."""
    smooth, smoothest = np.log1p([SMOOTH_MS2 * 10, SMOOTHEST_MS2 * 10])
    is_fast = _feature(slots, "speed_1200") > np.log1p(FAST_MS)
    share = (smooth - _feature(slots, "acceleration_1200")) / (smooth - smoothest)
    found: Floats = np.rint(np.clip(share, 0, 1) * is_fast * (SMOOTH_LOG_ODDS * 1e4)) / 1e4
    return found


def with_pushed_bicycles(
    edges: list[int], kinds: list[int], lon: Floats, lat: Floats
) -> tuple[list[int], list[int]]:
    """Runs of slots of one class: walks that take the bicycle along are a part of the ride.

    Args:
        edges: number of the first slot of each run, and n.
        kinds: class of each run.
        lon: degrees, of the slots.
        lat: degrees.
    """
    kept = list(range(len(kinds)))
    for run in range(1, len(kinds) - 1):
        first, last = edges[run] - 1, edges[run + 1]
        is_between = kinds[run - 1] == kinds[run + 1] == BICYCLE and kinds[run] == FOOT
        is_short = is_between and last - first <= LONGEST_PUSH_SLOTS + 1
        if is_short and haversine_m(lon[first], lat[first], lon[last], lat[last]) > LEFT_M:
            kept = [one for one in kept if one not in (run, run + 1)]
    return [edges[run] for run in kept] + edges[-1:], [kinds[run] for run in kept]


def _feature(slots: Slots, name: str) -> NDArray[np.float32]:
    found: NDArray[np.float32] = slots.features[:, names().index(name)]
    return found
