"""The ends of stays, to the point: where a drive has arrived and where the next one sets out.

The stretches that prove a stay take in up to their box of the way there and back. A stay begins
with the first fix that lies as near to where the device then stays as its fixes do, and ends with
the last one. A vehicle that drives past, on its rounds, does not stay yet, or no more.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.geo.steps import between_mm, wrapped
from trackflow.tracks.laps import VEHICLE_MS, goes_on
from trackflow.tracks.ranges import flat_ranges, numbered, running, runs
from trackflow.tracks.slots import E7, Slots, medians, slot_us
from trackflow.tracks.thresholds import US, Thresholds

CLOSE_M = 15.0
"""Fixes so close to the middle of a stay belong to it, however little its slots scatter."""

FEWEST_SLOTS = 4
"""So many slots locate the middle of a stay and measure how far its fixes scatter."""

SCATTER = 2.0
"""Beyond that, those within so many times the median distance of its slots from their middle."""

SHORTEST_AWAY_US = 10 * US
"""So long a way at least shows that it is one."""


def stay_points(
    points: Points,
    slots: Slots,
    stays: Bools,
    free: tuple[Bools, Bools],
    thresholds: Thresholds,
) -> tuple[Ints, Ints]:
    """First and last points of stays, in order; stays that turn out too short are left out.

    Args:
        points: kept points, in order of time. Shape (n,).
        slots: their slots, without excursions. Shape (m,).
        stays: which steps from a slot to the next lie in a stay. Shape (m - 1,).
        free: whether no way leads to a slot from before it, and none leads on after it: there is a
            cut or an excursion. A stay is not trimmed there. Shapes (m,).
        thresholds: the limits.
    """
    begin, end = runs(stays)  # the first and the last slot of each
    if not len(begin):
        return begin, end
    dwell_us = int(thresholds.dwell_s * US)
    head = slots.start_us.searchsorted(slots.start_us[begin] + 2 * dwell_us, side="right") - 1
    tail = slots.end_us.searchsorted(slots.end_us[end] - 2 * dwell_us)
    head, tail = np.minimum(head, end), np.maximum(tail, begin)
    open_before, open_after = free[0][begin], free[1][end]
    low = np.where(open_before, begin, begin - 1)
    high = np.where(open_after, end, end + 1)
    known = np.concatenate([begin, tail]), np.concatenate([head, end])
    among = np.concatenate([low, tail]), np.concatenate([head, high])
    first, last = _close(points, slots, known, among, thresholds)
    first, last = first[: len(begin)], last[len(begin) :]
    # Where too few slots locate the middle, a stay begins and ends with its silence: the
    # slot before it may be all on the way.
    first = np.where(open_before, slots.first[begin], np.where(first < 0, slots.last[begin], first))
    last = np.where(open_after, slots.last[end], np.where(last < 0, slots.first[end], last))
    long = lasts_us(points, first, last, open_before, open_after, thresholds) >= dwell_us
    return first[long], last[long]


def lasts_us(
    points: Points,
    first: Ints,
    last: Ints,
    open_before: Bools,
    open_after: Bools,
    thresholds: Thresholds,
) -> Ints:
    """How long stays last: they begin and end halfway between two fixes, but near the inner one.

    Args:
        points: kept points, in order of time. Shape (n,).
        first: the first point of each. Shape (k,).
        last: the last one. Shape (k,).
        open_before: whether no way leads to a stay. Shape (k,).
        open_after: whether none leads on from it. Shape (k,).
        thresholds: the limits.

    Returns:
        Microseconds. Shape (k,).
    """
    time_us, most_us = points.time_us, slot_us(thresholds)
    before = np.where(open_before, first, np.maximum(first - 1, 0))
    after = np.where(open_after, last, np.minimum(last + 1, len(points) - 1))
    more_us = np.minimum(time_us[first] - time_us[before], most_us)
    more_us += np.minimum(time_us[after] - time_us[last], most_us)
    lasts: Ints = time_us[last] - time_us[first] + more_us // 2
    return lasts


def _close(
    points: Points,
    slots: Slots,
    known: tuple[Ints, Ints],
    among: tuple[Ints, Ints],
    thresholds: Thresholds,
) -> tuple[Ints, Ints]:
    """The first and the last point close to the middle of some slots, -1 where there is none.

    Args:
        points: kept points, in order of time.
        slots: their slots.
        known: first and last of the slots that give the middle and the scatter, included.
        among: first and last of the slots whose points are asked for, included.
        thresholds: the limits.
    """
    begin, count = known[0], known[1] - known[0] + 1
    rows, of = flat_ranges(begin, begin + count), numbered(count)
    lon_e7, lat_e7 = medians(np.stack([slots.lon_e7, slots.lat_e7]), begin, count)
    # Longitudes of slots may have gone round the Earth.
    lon, lat = (np.remainder(lon_e7 + 180 * E7, 360 * E7) - 180 * E7) / E7, lat_e7 / E7
    scatter_mm = between_mm(lon[of], lat[of], wrapped(slots.lon[rows]), slots.lat[rows]).astype(
        np.int64
    )
    typical_mm = medians(scatter_mm, count.cumsum() - count, count)
    close_mm = np.minimum(
        np.maximum(SCATTER * typical_mm, CLOSE_M * 1000), 2 * thresholds.dwell_radius_m * 1000
    )
    close_mm[count < FEWEST_SLOTS] = -1.0
    low, high = slots.first[among[0]], slots.last[among[1]] + 1
    rows, of = flat_ranges(low, high), numbered(high - low)
    apart_mm = between_mm(lon[of], lat[of], wrapped(points.lon[rows]), points.lat[rows])
    hits = (apart_mm <= close_mm[of]).nonzero()[0]
    found_first, found_last = np.full((2, len(low)), -1)
    if not len(hits):
        return found_first, found_last
    edges = running(high - low)
    first = hits.searchsorted(edges[:-1])
    last = hits.searchsorted(edges[1:]) - 1
    some = (first <= last).nonzero()[0]
    spans = first[some], last[some]
    first, last = _without_passes(points, rows[hits], spans, close_mm[some], slot_us(thresholds))
    found_first[some], found_last[some] = rows[hits[first]], rows[hits[last]]
    return found_first, found_last


def _without_passes(
    points: Points, close: Ints, spans: tuple[Ints, Ints], close_mm: Floats, slot_us: int
) -> tuple[Ints, Ints]:
    """The first and the last close point of each span that are no mere pass of a vehicle.

    It comes from elsewhere or leaves again at once: faster than anything crosses the area that does
    not drive.

    Args:
        points: kept points, in order of time.
        close: indices of the points close to the middle of their stay; several spans of them.
        spans: first and last of each, as places in `close`. Shapes (k,).
        close_mm: how far from the middle is close. Shape (k,).
        slot_us: length of a slot.

    Returns:
        Places in `close`. Shapes (k,).
    """
    time_us, (first, last) = points.time_us, spans
    away = (time_us[close[1:]] - time_us[close[:-1]] >= SHORTEST_AWAY_US).nonzero()[0]
    of = first.searchsorted(away, side="right") - 1
    inside = (of >= 0) & (away < last[of])
    away, of = away[inside], of[inside]
    driven = goes_on(points, close[away], close[away + 1], slot_us)
    away, of = away[driven], of[driven]
    if not len(away):
        return spans
    first, last = first.copy(), last.copy()
    crossing_us = 2 * close_mm / 1000 / VEHICLE_MS * US
    for at, k in zip(away.tolist(), of.tolist(), strict=True):
        if time_us[close[at]] - time_us[close[first[k]]] <= crossing_us[k]:
            first[k] = at + 1
    for at, k in zip(away[::-1].tolist(), of[::-1].tolist(), strict=True):
        if at >= first[k] and time_us[close[last[k]]] - time_us[close[at + 1]] <= crossing_us[k]:
            last[k] = at
    return first, last
