"""Slots: the points of each half minute as one place, for the rules that look at minutes and hours.

A place that a few wrong fixes cannot move: of the fixes that claim a usable accuracy, the median.
Slots are cut by the clock, so they are the same in whatever chunk their points are read.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from trackflow.geo.points import Floats, Ints, Points
from trackflow.geo.steps import between_mm, unwrapped
from trackflow.tracks.thresholds import SLOT_S, US, Thresholds

SLOTS_PER_DWELL = 10
"""A dwell time has at least so many slots: its ends would be found too coarsely with fewer."""

FINE_ACCURACY_M = 30.0
"""A fix that claims this or better always counts: such claims differ by chance."""

E7 = 10_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Places of a device, one per slot with points, in order of time. Shapes (m,).

    Attributes:
        first: index of the slot's first point.
        last: index of its last point.
        start_us: time of its first point.
        end_us: time of its last point.
        lon_e7: longitude in 1e-7 degrees, without leaps at the antimeridian.
        lat_e7: latitude in 1e-7 degrees.
        claim_m: the best accuracy that a point of the slot claims, whole metres; 0 where none
            claims more than a fine one.
    """

    first: Ints
    last: Ints
    start_us: Ints
    end_us: Ints
    lon_e7: Ints
    lat_e7: Ints
    claim_m: Ints

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, index: Ints) -> Self:
        return type(self)(
            self.first[index],
            self.last[index],
            self.start_us[index],
            self.end_us[index],
            self.lon_e7[index],
            self.lat_e7[index],
            self.claim_m[index],
        )

    def steps_m(self, offset: int) -> Floats:
        """Metres from each slot to the one `offset` places later. Shape (m - offset,)."""
        lon, lat = self.lon_e7 / E7, self.lat_e7 / E7
        return between_mm(lon[:-offset], lat[:-offset], lon[offset:], lat[offset:]) / 1000

    def apart_m(self, here: Ints, there: Ints) -> Floats:
        """Distances between pairs of slots, in metres. Shapes (k,)."""
        return (
            between_mm(
                self.lon_e7[here] / E7,
                self.lat_e7[here] / E7,
                self.lon_e7[there] / E7,
                self.lat_e7[there] / E7,
            )
            / 1000
        )


def slot_us(thresholds: Thresholds) -> int:
    """Length of a slot in microseconds."""
    return int(min(thresholds.dwell_s / SLOTS_PER_DWELL, SLOT_S) * US)


def cut_slots(points: Points, cuts: Ints, thresholds: Thresholds) -> Slots:
    """The slots of kept points.

    Args:
        points: kept points, times strictly increasing. Shape (n,).
        cuts: indices of steps that no slot may span, in order.
        thresholds: the limits.
    """
    if not len(points):
        none = np.empty(0, dtype=np.int64)
        return Slots(none, none, none, none, none, none, none)
    number = points.time_us // slot_us(thresholds)
    edge = number[1:] != number[:-1]
    edge[cuts] = True
    last = np.append(np.flatnonzero(edge), len(points) - 1)
    first = np.concatenate([[0], last[:-1] + 1])
    lon_e7 = np.rint(unwrapped(points.lon) * E7).astype(np.int64)
    lat_e7 = np.rint(points.lat * E7).astype(np.int64)
    count = last - first + 1
    claim_m = np.zeros(len(first), dtype=np.int64)
    begin = first
    if (points.accuracy_m > FINE_ACCURACY_M).any():
        best = np.fmin.reduceat(points.accuracy_m, first)
        rough = best > FINE_ACCURACY_M
        claim_m[rough] = np.ceil(best[rough]).astype(np.int64)
        # A phone indoors now and then gives a place 100 m away, and says so. A fix without a claim
        # counts, as does every fix of a slot in which there is none.
        usable = ~(points.accuracy_m > np.maximum(2 * np.repeat(best, count), FINE_ACCURACY_M))
        lon_e7, lat_e7 = lon_e7[usable], lat_e7[usable]
        count = np.add.reduceat(usable.astype(np.int64), first)
        begin = np.cumsum(count) - count
    return Slots(
        first,
        last,
        points.time_us[first],
        points.time_us[last],
        medians(lon_e7, begin, count),
        medians(lat_e7, begin, count),
        claim_m,
    )


def medians(values: Ints, first: Ints, count: Ints) -> Ints:
    """Median of each of some stretches of whole numbers, rounded down between two.

    Args:
        values: the numbers. Shape (n,).
        first: where each stretch begins. Shape (m,).
        count: how many numbers each has, at least one. Shape (m,).
    """
    found = values[first]
    for size in np.flatnonzero(np.bincount(count)).tolist():
        if size == 1:
            continue
        rows = np.flatnonzero(count == size)
        blocks = values[first[rows][:, None] + np.arange(size)]
        if size > 2:
            blocks.sort(axis=1)
        found[rows] = (blocks[:, (size - 1) // 2] + blocks[:, size // 2]) // 2
    return found
