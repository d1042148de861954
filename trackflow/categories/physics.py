"""What holds for all who travel: facts of vehicles, not of the people whom the classifier has seen.

Numbers are round; they come from how vehicles are built and driven, and were not fitted.
"""

import numpy as np

from trackflow.categories.features import Slots
from trackflow.categories.modes import CLASSES
from trackflow.categories.rides import Rides, rides_of
from trackflow.geo.distance import haversine_m
from trackflow.geo.points import Bools, Floats, Ints

STANDING_MS = 0.3
"""Mean speed over a minute. Who stands may be waiting with a bicycle, at a light or at a corner: it
says nothing of the mode, and a ride with many halts stays a ride."""

FAST_MS, SEEN_FAST_MS = 15.0, 8.0
MOTORWAY_MS = 25.0
SMOOTH_MS2, SMOOTHEST_MS2 = (0.08, 0.06), (0.04, 0.03)
"""Mean change of speed over twenty minutes, up to 90 km/h and above it: a train coasts for minutes,
and a car meets other cars, ramps and lights, but fewer on a motorway. A rough ride says nothing:
metros accelerate harder than cars. Rare points smooth any ride: only one that is faster than
54 km/h says something then, and one whose points are close already above 29 km/h."""

COMPUTED_MS2 = 0.005
"""No receiver on any vehicle measures a steadier ride (the least of 75,000 slots of real rides with
close points is 0.009): these positions come from a simulator, or were put in between two others."""

PER_SLOWING = 2
"""A train halts at stations alone, from full speed, and a car is slowed by all that is on a road.
Each of a train's halts says e to one; each slowing between them takes two of them back."""

FASTEST_ROAD_MS = 36.0
"""130 km/h over twenty minutes is above the limit of almost all roads."""

RAIL_LOG_ODDS = 5.0

DOUBT = 2.0
"""Where a fact speaks for rails, a classifier that has seen few trains is no surer of a road."""

RIDDEN_MS, RIDDEN_LOG_ODDS = (2.8, 8.3), 5.0
FREE_SHARE = 0.05
"""10 to 30 km/h over twenty minutes, with less than a twentieth of it above 29 km/h: a car that is
so slow on average stands at lights, and is faster between them."""

LEFT_M = 200.0
"""Who leaves a bicycle comes back to it: a walk between two rides that ends further away from where
it began was a slow stretch of the ride, or the bicycle was pushed."""

LONGEST_PUSH_SLOTS = 60

FOOT, BICYCLE, ROAD, RAIL = (CLASSES.index(name) for name in ("foot", "bicycle", "road", "rail"))


def is_standing(slots: Slots) -> Bools:
    """Whether the device stays where it is, slot by slot."""
    found: Bools = slots.feature("speed_60") < np.log1p(STANDING_MS)
    return found


def weighed(log_odds: Floats, slots: Slots, may_be_rail: Bools) -> Floats:
    """Logarithms of the classes' odds with what their rides say, shape (n, classes).

    What tells a train or a bicycle from a car says nothing of walks.

    Args:
        log_odds: of the classes without it.
        slots: all.
        may_be_rail: False where a map knows that no rails are near.
    """
    rides = rides_of(slots)
    by_rail = rail_log_odds(rides) * may_be_rail
    doubted = np.where(by_rail > 0, log_odds[:, ROAD] - DOUBT, -np.inf)
    found = log_odds.copy()
    found[:, RAIL] = np.maximum(log_odds[:, RAIL], doubted)
    _shift(found, RAIL, by_rail)
    _shift(found, BICYCLE, bicycle_log_odds(slots, rides))
    return found


def _shift(log_odds: Floats, name: int, by: Floats) -> None:
    """Make a class likelier than roads by so much: the better of both stays as likely as it was."""
    ahead = log_odds[:, name] - log_odds[:, ROAD] + by
    best = np.maximum(log_odds[:, name], log_odds[:, ROAD])
    log_odds[:, name] = best + np.minimum(ahead, 0)
    log_odds[:, ROAD] = best - np.maximum(ahead, 0)


def rail_log_odds(rides: Rides) -> Floats:
    """How much likelier a train explains each slot than a car: 0 or more."""
    is_motorway = (rides.speed_ms > MOTORWAY_MS).astype(np.int64)
    steady = np.maximum(
        _steady(rides.change_ms2, is_motorway) * (rides.speed_ms > FAST_MS),
        _steady(rides.seen_change_ms2, is_motorway) * (rides.seen_ms > SEEN_FAST_MS),
    )
    steady[is_computed(rides)] = 0.0
    steady[rides.speed_ms > FASTEST_ROAD_MS] = 1.0
    stations = np.clip(rides.stations - PER_SLOWING * rides.slowings, 0, RAIL_LOG_ODDS)
    found: Floats = np.rint(np.maximum(steady * RAIL_LOG_ODDS, stations) * 1e4) / 1e4
    return found


def is_computed(rides: Rides) -> Bools:
    """Whether the positions of rides are too even to have been measured: they say no vehicle."""
    return (rides.seen_ms > 0) & (rides.seen_change_ms2 < COMPUTED_MS2)


def _steady(change_ms2: Floats, is_motorway: Ints) -> Floats:
    """How steady a ride is: 0 for a car's, 1 for a train's."""
    smooth, smoothest = np.array([SMOOTH_MS2, SMOOTHEST_MS2])[:, is_motorway]
    found: Floats = np.clip((smooth - change_ms2) / (smooth - smoothest), 0, 1)
    return found


def bicycle_log_odds(slots: Slots, rides: Rides) -> Floats:
    """How much likelier a bicycle explains each slot than a car: 0 or more."""
    slowest, fastest = RIDDEN_MS
    free = 1 - slots.feature("below_8_1200")
    is_ride = (rides.seen_ms > slowest) & (rides.seen_ms < fastest) & ~is_computed(rides)
    share = np.clip(1 - free / FREE_SHARE, 0, 1) * is_ride
    found: Floats = np.rint(share * (RIDDEN_LOG_ODDS * 1e4)) / 1e4
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
