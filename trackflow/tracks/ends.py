"""The ends of stays, to the point: where a drive has arrived and where the next one sets out.

The stretches that prove a stay take in up to their box of the way there and back. A stay begins
with the first fix that lies as near to where the device then stays as its fixes do, and ends with
the last one. A vehicle that drives past, on its rounds, does not stay yet, or no more.

A device that reports every few minutes at rest leaves shortly before its first fix on the way, and
not when it was last seen at rest: the stay ends with that fix, and the way to it is the track's.
"""

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints, Points, e7
from trackflow.geo.steps import between_mm, wrapped
from trackflow.tracks.laps import VEHICLE_MS, goes_on
from trackflow.tracks.ranges import flat_ranges, numbered, running, runs, sums
from trackflow.tracks.slots import E7, FINE_ACCURACY_M, Slots, medians, slot_us
from trackflow.tracks.thresholds import US, Thresholds

CLOSE_M = 15.0
"""Fixes so close to the middle of a stay belong to it, however little its slots scatter."""

FEWEST_SLOTS = 4
"""So many slots locate the middle of a stay and measure how far its fixes scatter."""

SCATTER = 2.0
"""Beyond that, those within so many times the median distance of its slots from their middle."""

RARE = 3
"""A device that is seen in less than one of so many slots reports rarely at rest: there each slot
counts for the time around it, or the last steps of a walk outweigh hours. How far such fixes
scatter is hardly known: those within `FINE_ACCURACY_M` belong to the stay."""

DENSE_US, LONGEST_DEPARTURE_US = 60 * US, 600 * US
"""Such a device reports more often than this on its way, and at rest as often at least."""

UNKNOWN = -1

LONGEST_WAY_M = 1_000.0
"""A longer way may have been slower than where the device is seen next."""

WALK_MS = 1.0
"""A device on its way is at least this fast."""

SHORTEST_AWAY_US = 10 * US
"""So long a way at least shows that it is one."""


def stay_points(
    points: Points,
    slots: Slots,
    stays: Bools,
    free: tuple[Bools, Bools],
    thresholds: Thresholds,
) -> tuple[Ints, Ints, Ints]:
    """First and last points of stays, in order; stays that turn out too short are left out.

    The third array has the last steps of those that end with a departure (`departures`).

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
        return begin, end, begin
    dwell_us = int(thresholds.dwell_s * US)
    head = slots.start_us.searchsorted(slots.start_us[begin] + 2 * dwell_us, side="right") - 1
    tail = slots.end_us.searchsorted(slots.end_us[end] - 2 * dwell_us)
    head, tail = np.minimum(head, end), np.maximum(tail, begin)
    open_before, open_after = free[0][begin], free[1][end]
    low = np.where(open_before, begin, begin - 1)
    high = np.where(open_after, end, end + 1)
    known = np.concatenate([begin, tail]), np.concatenate([head, end])
    among = np.concatenate([low, tail]), np.concatenate([head, high])
    silent = _silent_beside(slots, (begin, end), (head, tail), thresholds)
    first, last = _close(points, slots, known, among, silent, thresholds)
    first, last = first[: len(begin)], last[len(begin) :]
    # Where too few slots locate the middle, a stay begins and ends with its silence: the
    # slot before it may be all on the way.
    first = np.where(open_before, slots.first[begin], np.where(first < 0, slots.last[begin], first))
    last = np.where(open_after, slots.last[end], np.where(last < 0, slots.first[end], last))
    long = lasts_us(points, first, last, open_before, open_after, thresholds) >= dwell_us
    beyond = np.where(open_after, last, slots.last[high])
    left = departures(points, last, beyond)
    last = last + left
    return first[long], last[long], (last - 1)[long & left]


def departures(points: Points, last: Ints, beyond: Ints) -> Bools:
    """Whether a device rests for most of the step after some points, and then leaves. Shape (k,).

    Args:
        points: kept points, in order of time.
        last: the last point of each stay that is close to its middle. Shape (k,).
        beyond: the last point that may be the next one. Shape (k,).
    """
    if len(points) < 3:
        return np.zeros(len(last), dtype=np.bool_)
    time_us = points.time_us
    at = np.minimum(last, len(points) - 3)
    out_us, next_us = time_us[at + 1] - time_us[at], time_us[at + 2] - time_us[at + 1]
    leaves: Bools = (out_us > DENSE_US) & (out_us <= LONGEST_DEPARTURE_US) & (next_us <= DENSE_US)
    leaves &= (last < beyond) & (last == at)
    if leaves.any():
        out_mm, next_mm = _steps_mm(points, at), _steps_mm(points, at + 1)
        next_ms = next_mm / 1000 / next_us * US
        leaves &= out_mm <= LONGEST_WAY_M * 1000
        leaves &= next_ms >= WALK_MS
        leaves &= 2 * out_mm / 1000 * US < out_us * next_ms
    return leaves


def _steps_mm(points: Points, at: Ints) -> Floats:
    """Lengths of the steps after some points."""
    lon, lat = points.lon, points.lat
    return between_mm(lon[at], lat[at], lon[at + 1], lat[at + 1])


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
    silent: Ints,
    thresholds: Thresholds,
) -> tuple[Ints, Ints]:
    """The first and the last point close to the middle of some slots, -1 where there is none.

    Args:
        points: kept points, in order of time.
        slots: their slots.
        known: first and last of the slots that give the middle and the scatter, included.
        among: first and last of the slots whose points are asked for, included.
        silent: for how many slots a device is silent beyond the last known ones of begins, and
            before the first known ones of ends.
        thresholds: the limits.
    """
    us, most_mm = slot_us(thresholds), 2 * thresholds.dwell_radius_m * 1000
    lon, lat, close_mm, rare = _areas(points, slots, known, silent, thresholds)
    low, high = slots.first[among[0]], slots.last[among[1]] + 1
    rows, of = flat_ranges(low, high), numbered(high - low)
    places = wrapped(points.lon.take(rows)), points.lat.take(rows)
    apart_mm = between_mm(lon.take(of), lat.take(of), *places)
    close, edges = apart_mm <= close_mm[of], running(high - low)
    if rare.any():
        asked = rare.nonzero()[0]
        at = flat_ranges(edges[asked], edges[asked + 1])
        at = at[apart_mm[at] <= most_mm]
        at = at[~close[at]]
        close[at] = _alone(points, rows[at])
    hits = close.nonzero()[0]
    found_first, found_last = np.full((2, len(low)), -1)
    if not len(hits):
        return found_first, found_last
    first = hits.searchsorted(edges[:-1])
    last = hits.searchsorted(edges[1:]) - 1
    some = (first <= last).nonzero()[0]
    spans = first[some], last[some]
    first, last = _without_passes(points, rows[hits], spans, close_mm[some], us)
    found_first[some], found_last[some] = rows[hits[first]], rows[hits[last]]
    return found_first, found_last


def _areas(
    points: Points, slots: Slots, known: tuple[Ints, Ints], silent: Ints, thresholds: Thresholds
) -> tuple[Floats, Floats, Floats, Bools]:
    """Longitude and latitude of the middle of some slots, and how far from it is close, in mm.

    That is negative where too few slots locate the middle. The fourth array says where a device
    reports rarely at rest; a tracker does that falls silent when it is parked: where it did is the
    middle, however few slots there are.

    Args:
        points: kept points, in order of time.
        slots: their slots.
        known: first and last of the slots, included; of begins, and then of as many ends. Shapes
            (k,).
        silent: for how many slots a device is silent beyond the last ones of begins, and before the
            first ones of ends. Shape (k,).
        thresholds: the limits.
    """
    begin, count = known[0], known[1] - known[0] + 1
    us = slot_us(thresholds)
    number = slots.start_us[known[1]] // us - slots.start_us[begin] // us + 1 + silent
    rare = (RARE * count < number) & (silent != UNKNOWN)
    few = count < FEWEST_SLOTS - rare
    rows, of = flat_ranges(begin, begin + count), numbered(count)
    if rare.any():
        each = np.where(rare[of], _stands_for(slots, rows, of, silent, us), 1)
        count = sums(each, count)
        rows, of = rows.repeat(each), of.repeat(each)
    at = count.cumsum() - count
    columns = slots.lon.take(rows), slots.lat.take(rows)
    lon_e7, lat_e7 = medians(columns, at, count, e7)
    # Longitudes of slots may have gone round the Earth.
    lon, lat = (np.remainder(lon_e7 + 180 * E7, 360 * E7) - 180 * E7) / E7, lat_e7 / E7
    scatter_mm = between_mm(lon.take(of), lat.take(of), wrapped(columns[0]), columns[1])
    (typical_mm,) = medians([scatter_mm], at, count)
    parked = (few & rare).nonzero()[0]
    if len(parked):
        is_begin = parked < len(begin) // 2
        beside = np.where(is_begin, slots.last[known[1][parked]], slots.first[begin[parked]])
        lon[parked], lat[parked] = points.lon[beside], points.lat[beside]
    least_m = np.where(rare & ~few, FINE_ACCURACY_M, CLOSE_M)
    close_mm = np.maximum(np.where(few, 0, SCATTER * typical_mm), least_m * 1000)
    close_mm = np.minimum(close_mm, 2 * thresholds.dwell_radius_m * 1000)
    close_mm[few & ~rare] = -1.0
    return lon, lat, close_mm, rare


def _silent_beside(
    slots: Slots, stay: tuple[Ints, Ints], known: tuple[Ints, Ints], thresholds: Thresholds
) -> Ints:
    """For how many slots of twice the dwell time a device is silent beyond what is known of stays.

    Args:
        slots: without excursions.
        stay: first and last slots of stays. Shapes (k,).
        known: the last slot in the first twice the dwell time of each, and the first in the last.
        thresholds: the limits.

    Returns:
        After those of the begins, then before those of the ends; of a shorter stay it is unknown
        whether the device rests with so few reports. Shape (2 * k,).
    """
    (begin, end), (head, tail) = stay, known
    reach_us = 2 * int(thresholds.dwell_s * US)
    after_us = slots.start_us[begin] + reach_us - slots.end_us[head]
    before_us = slots.start_us[tail] - slots.end_us[end] + reach_us
    silent_us = np.concatenate([after_us * (head < end), before_us * (tail > begin)])
    silent: Ints = silent_us // slot_us(thresholds)
    silent[np.tile(slots.end_us[end] - slots.start_us[begin] < reach_us, 2)] = UNKNOWN
    return silent


def _stands_for(slots: Slots, rows: Ints, of: Ints, silent: Ints, slot_us: int) -> Ints:
    """How many slots each stands for: itself, half of the silences beside it, all of the outer one.

    Args:
        slots: without excursions.
        rows: slots of stretches, one after another. Shape (n,).
        of: the stretch of each. Shape (n,).
        silent: how long the device is silent beyond the last slot of a begin, and before the first
            one of an end; of as many of either. Shape (k,).
        slot_us: length of a slot.
    """
    number = slots.start_us[rows] // slot_us
    turns = of[1:] != of[:-1]
    between = np.maximum(number[1:] - number[:-1] - 1, 0) * ~turns
    each = np.ones(len(rows), dtype=np.int64)
    each[:-1] += between // 2
    each[1:] += between - between // 2
    edges = turns.nonzero()[0]
    half = len(silent) // 2
    each[np.append(edges, len(rows) - 1)[:half]] += silent[:half]
    each[np.append(0, edges + 1)[half:]] += silent[half:]
    return each


def _alone(points: Points, rows: Ints) -> Bools:
    """Whether no other fix lies within a minute before and after: a device at rest reports so.

    Beside the first and the last point there is none: a day is read without the points beyond a
    silence that is longer than its buffer.
    """
    time_us, last = points.time_us, len(points) - 1
    before = time_us[rows] - time_us[np.maximum(rows - 1, 0)]
    after = time_us[np.minimum(rows + 1, last)] - time_us[rows]
    alone: Bools = (before > DENSE_US) | (rows == 0)
    alone &= (after > DENSE_US) | (rows == last)
    return alone


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
