"""Walks between a vehicle and a building: part of the stay, and no jag at the end of the line.

A drive ends where its vehicle was left, although the phone goes on into a building, and the
next one begins where it sets out again. A walk of the whole way is nowhere fast, and stays whole.
"""

import numpy as np

from trackflow.geo.points import Bools, Ints, Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.ranges import contains, flat_ranges, running
from trackflow.tracks.thresholds import US, WALK_S

WALK_M = 200.0
"""A car park further away is a place of its own."""

VEHICLE_MS = 3.0
"""No person walks as fast (11 km/h), not even with the noise of two fixes, and every vehicle is
until it is parked."""

SPAN_US, LONGEST_SPAN_US = 20 * US, 60 * US
"""Speeds are taken over 20 s, for noise, or over one step that is not much longer."""

CREEP_MS, CREEP_SPAN_US = 2.2, 40 * US
"""No person walks as fast for so long (8 km/h), but a van that creeps through a yard does."""

SHORTEST_WALK_US = 20 * US
"""Less time between vehicle and building is no walk."""


def without_walks(
    points: Points, first: Ints, last: Ints, left: Ints, cut: Bools
) -> tuple[Ints, Ints]:
    """First and last points of stays that take in the walk from and to a vehicle.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        first: the first point of each stay, in order. Shape (k,).
        last: the last one. Shape (k,).
        left: the last steps of those that end with a departure, in order. A walk begins before it.
        cut: steps across which no track goes on. Shape (n - 1,).
    """
    if not len(first):
        return first, last
    rest = last - contains(left, last - 1)
    parked = _parked(points, first, last, rest, cut.nonzero()[0])
    earlier, later = parked[: len(first)], parked[len(first) :]
    # Two stays with hardly a drive between them stay as they are.
    meets = (earlier[1:] <= later[:-1]).nonzero()[0]
    earlier[meets + 1], later[meets] = first[meets + 1], last[meets]
    return earlier, later


def _parked(points: Points, first: Ints, last: Ints, rest: Ints, cuts: Ints) -> Ints:
    """The points at which a vehicle was left before stays and taken after them, else their ends.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        first: the first point of each stay, in order. Shape (k,).
        last: the last one. Shape (k,).
        rest: the last one at rest. Shape (k,).
        cuts: the steps across which no track goes on, in order.

    Returns:
        Those of the first points and then those of the last. Shape (2 * k,).
    """
    time_us, reach_us = points.time_us, int(WALK_S * US)
    ends = np.concatenate([first, last])
    before = time_us.searchsorted(time_us[first] - reach_us)
    after = time_us.searchsorted(time_us[last] + reach_us, side="right") - 1
    farthest = np.concatenate([before, after])
    parked = _nearest_fast(points, ends, farthest, cuts, (SPAN_US, VEHICLE_MS))
    if (parked != ends).any():
        # Only the way between the stay and there shows whether something creeps or a person walks.
        creeping = (CREEP_SPAN_US, CREEP_MS)
        crept = _nearest_fast(points, ends, parked, cuts, creeping, inside=True)
        parked = np.where(crept == ends, parked, crept)
    walk_us = np.abs(time_us[ends] - time_us[parked])
    rests = np.concatenate([first, rest])
    walk_mm = between_mm(
        points.lon[parked], points.lat[parked], points.lon[rests], points.lat[rests]
    )
    walks = (walk_us >= SHORTEST_WALK_US) & (walk_mm <= WALK_M * 1000)
    return np.where(walks, parked, ends)


def _nearest_fast(
    points: Points,
    ends: Ints,
    farthest: Ints,
    cuts: Ints,
    fast: tuple[int, float],
    *,
    inside: bool = False,
) -> Ints:
    """The point nearest to each end of a stay at which something is fast, else the end itself.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        ends: the first points of stays, then their last ones. Shape (2 * k,).
        farthest: the points up to which is looked, outwards. Shape (2 * k,).
        cuts: the steps across which no track goes on, in order.
        fast: the time that a speed is taken over, in microseconds, and the speed, in m/s.
        inside: whether a speed is taken over no point beyond the farthest.
    """
    time_us, half = points.time_us, len(ends) // 2
    low, high = np.minimum(ends, farthest), np.maximum(ends, farthest) + 1
    counts = high - low
    edges = running(counts)
    rows = flat_ranges(low, high)
    here_us, turn = time_us[rows], int(edges[half])
    # Each is compared with the point so much further away from the stay, with itself if there is
    # none.
    back = time_us.searchsorted(here_us[:turn] - fast[0], side="right") - 1
    ahead = time_us.searchsorted(here_us[turn:] + fast[0])
    other = np.concatenate([back, ahead])
    there_is = (other >= 0) & (other < len(points))
    if inside:
        there_is = (other >= low.repeat(counts)) & (other < high.repeat(counts))
    other = np.where(there_is, other, rows)
    span_us = np.abs(here_us - time_us[other])
    lon, lat = points.lon, points.lat
    far_mm = between_mm(lon.take(rows), lat.take(rows), lon.take(other), lat.take(other))
    is_fast = far_mm > span_us * (fast[1] * 1000 / US)
    is_fast &= span_us <= LONGEST_SPAN_US
    is_fast &= cuts.searchsorted(other) == cuts.searchsorted(ends).repeat(counts)
    found = is_fast.nonzero()[0]
    if not len(found):
        return ends
    at = np.concatenate(
        [found.searchsorted(edges[1 : half + 1]) - 1, found.searchsorted(edges[half:-1])]
    )
    nearest = found.take(at, mode="clip")
    is_own = (edges[:-1] <= nearest) & (nearest < edges[1:])
    return np.where(is_own, rows[nearest], ends)
