"""Walks between a vehicle and the door: part of the stay, and no jag at the end of the line.

A drive ends where its vehicle was left, although the phone goes on to the door, and the next one
begins where it sets out again. Who walks all the way is not fast at all, and keeps all of the way.
"""

import numpy as np

from trackflow.geo.points import Bools, Ints, Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.ranges import flat_ranges
from trackflow.tracks.thresholds import US, WALK_S

WALK_M = 200.0
"""A car park further away is a place of its own."""

VEHICLE_MS = 3.0
"""Nobody walks as fast (11 km/h), not even with the noise of two fixes, and every vehicle is until
it is parked."""

SPAN_US, LONGEST_SPAN_US = 20 * US, 60 * US
"""Speeds are taken over 20 s, for noise, or over one step that is not much longer."""

SHORTEST_US = 20 * US
"""Less time between vehicle and door is no walk."""


def without_walks(points: Points, first: Ints, last: Ints, cut: Bools) -> tuple[Ints, Ints]:
    """First and last points of stays that take in the walk from and to a vehicle.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        first: the first point of each stay, in order. Shape (k,).
        last: the last one. Shape (k,).
        cut: steps across which no track goes on. Shape (n - 1,).
    """
    if not len(first):
        return first, last
    earlier = _parked(points, first, cut, -1)
    later = _parked(points, last, cut, 1)
    # Two stays with hardly a drive between them stay as they are.
    meets = np.flatnonzero(earlier[1:] <= later[:-1])
    earlier[meets + 1], later[meets] = first[meets + 1], last[meets]
    return earlier, later


def _parked(points: Points, ends: Ints, cut: Bools, side: int) -> Ints:
    """For each end of a stay the point at which a vehicle was left (-1) or taken (1), if any."""
    time_us, reach_us = points.time_us, int(WALK_S * US)
    if side < 0:
        low, high = np.searchsorted(time_us, time_us[ends] - reach_us), ends + 1
    else:
        low = ends
        high = np.searchsorted(time_us, time_us[ends] + reach_us, side="right")
    rows, of = flat_ranges(low, high), np.repeat(np.arange(len(ends)), high - low)
    if side < 0:
        other = np.searchsorted(time_us, time_us[rows] - SPAN_US, side="right") - 1
    else:
        other = np.searchsorted(time_us, time_us[rows] + SPAN_US)
    exists = (other >= 0) & (other < len(points))
    other = np.where(exists, other, rows)
    span_us = np.abs(time_us[rows] - time_us[other])
    cuts = np.concatenate([[0], np.cumsum(cut)])
    whole = exists & (span_us <= LONGEST_SPAN_US) & (cuts[other] == cuts[ends[of]])
    far_mm = between_mm(points.lon[rows], points.lat[rows], points.lon[other], points.lat[other])
    fast = np.flatnonzero(whole & (far_mm > span_us * (VEHICLE_MS * 1000 / US)))
    if not len(fast):
        return ends.copy()
    # The fast point nearest to the stay.
    edges = np.concatenate([[0], np.cumsum(high - low)])
    if side < 0:
        at = np.searchsorted(fast, edges[1:]) - 1
        found = (at >= 0) & (fast[np.maximum(at, 0)] >= edges[:-1])
    else:
        at = np.searchsorted(fast, edges[:-1])
        found = (at < len(fast)) & (fast[np.minimum(at, len(fast) - 1)] < edges[1:])
    parked = np.where(found, rows[fast[np.clip(at, 0, len(fast) - 1)]], ends)
    walk_us = np.abs(time_us[ends] - time_us[parked])
    walk_mm = between_mm(points.lon[parked], points.lat[parked], points.lon[ends], points.lat[ends])
    walks = (walk_us >= SHORTEST_US) & (walk_mm <= WALK_M * 1000)
    return np.where(walks, parked, ends)
