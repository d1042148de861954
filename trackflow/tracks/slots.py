"""Slots: the points of each half minute as one place, for the rules that look at minutes and hours.

A place that a few wrong fixes cannot move: of the fixes that claim a usable accuracy, the median.
Slots are cut by the clock, so they are the same in every chunk that has their points.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from trackflow.geo.points import Floats, Ints, Points, e7
from trackflow.geo.steps import between_mm, steps_mm, unwrapped
from trackflow.tracks.thresholds import SLOT_S, US, Thresholds

SLOTS_PER_DWELL = 10
"""A dwell time has at least so many slots: its ends would be found too coarsely with fewer."""

FINE_ACCURACY_M = 30.0
"""A fix that claims this or better always counts: such claims differ by chance."""

MANY, NARROW = 256, 8
"""From so many stretches on, those of the most frequent length are sorted by columns, if it is at
most this."""

LONGEST_ROWS = 4
"""Stretches of different lengths are sorted as one array of at most so many times their size."""

E7 = 10_000_000


@dataclass(frozen=True, eq=False)  # no slots: what several rules ask for is kept
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
            self.first.take(index),
            self.last.take(index),
            self.start_us.take(index),
            self.end_us.take(index),
            self.lon_e7.take(index),
            self.lat_e7.take(index),
            self.claim_m.take(index),
        )

    @cached_property
    def lon(self) -> Floats:
        """Longitude in degrees."""
        return self.lon_e7 / E7

    @cached_property
    def lat(self) -> Floats:
        """Latitude in degrees."""
        return self.lat_e7 / E7

    @cached_property
    def middle_us(self) -> Ints:
        """The middle of each slot's time."""
        return (self.start_us + self.end_us) // 2

    @cached_property
    def next_m(self) -> Floats:
        """Metres from each slot to the next. Shape (m - 1,)."""
        return steps_mm(self.lon, self.lat) / 1000

    def apart_m(self, here: Ints, there: Ints) -> Floats:
        """Distances between pairs of slots, in metres. Shapes (k,)."""
        lon, lat = self.lon, self.lat
        near, far = (lon.take(here), lat.take(here)), (lon.take(there), lat.take(there))
        return between_mm(*near, *far) / 1000


@lru_cache(maxsize=64)
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
    edges = edge.nonzero()[0]
    first = np.concatenate([[0], edges + 1])
    last = np.concatenate([edges, [len(points) - 1]])
    places = [unwrapped(points.lon), points.lat]
    begin, count = first, last - first + 1
    claim_m = np.zeros(len(first), dtype=np.int64)
    if (points.accuracy_m > FINE_ACCURACY_M).any():
        best = np.fmin.reduceat(points.accuracy_m, first)
        rough = best > FINE_ACCURACY_M
        claim_m[rough] = np.ceil(best[rough]).astype(np.int64)
        # A phone indoors now and then gives a place 100 m away, with a poor accuracy. A fix without
        # a claim counts, as does every fix of a slot in which there is none.
        usable = ~(points.accuracy_m > np.maximum(2 * best, FINE_ACCURACY_M).repeat(count))
        places = [column[usable] for column in places]
        count = np.add.reduceat(usable.astype(np.int64), first)
        begin = count.cumsum() - count
    lon_e7, lat_e7 = medians(places, begin, count, e7)
    time_us = points.time_us
    start_us, end_us = time_us.take(first), time_us.take(last)
    return Slots(first, last, start_us, end_us, lon_e7, lat_e7, claim_m)


def as_ints(values: Floats) -> Ints:
    """Whole numbers as such."""
    return values.astype(np.int64)


def medians(
    columns: Sequence[Floats],
    first: Ints,
    count: Ints,
    whole: Callable[[Floats], Ints] = as_ints,
) -> list[Ints]:
    """Medians of stretches of numbers, rounded down between two, of columns that are cut alike.

    Args:
        columns: the numbers. Shapes (n,).
        first: where each stretch begins. Shape (m,).
        count: how many numbers each has, at least one. Shape (m,).
        whole: makes whole numbers of them, which keep their order.

    Returns:
        Of each column. Shapes (m,).
    """
    found = [whole(values.take(first)) for values in columns]
    several = (count > 1).nonzero()[0]
    if len(several) >= MANY:
        lengths = count[several]
        usual = int(np.bincount(lengths).argmax())
        if usual <= NARROW:
            alike, several = several[lengths == usual], several[lengths != usual]
            begin = first[alike]
            for values, medians in zip(columns, found, strict=True):
                low, high = _middles_by_columns(values, begin, usual)
                medians[alike] = (whole(low) + whole(high)) // 2
    for rows in _of_like_lengths(several, count):
        for values, medians in zip(columns, found, strict=True):
            low, high = _middles_by_rows(values, first[rows], count[rows])
            medians[rows] = (whole(low) + whole(high)) // 2
    return found


def _of_like_lengths(rows: Ints, count: Ints) -> Iterator[Ints]:
    """All rows at once, unless a few long ones would make all others too long."""
    count = count[rows]
    if len(rows) * count.max(initial=0) <= LONGEST_ROWS * count.sum():
        if len(rows):
            yield rows
        return
    doubled = np.frexp(count - 1)[1]
    for level in np.bincount(doubled).nonzero()[0].tolist():
        yield rows[doubled == level]


def _middles_by_rows(values: Floats, first: Ints, count: Ints) -> tuple[Floats, Floats]:
    """The middle numbers of stretches, by sorting the rows of an array of the greatest length."""
    places = np.arange(count.max())
    rows = values.take(first[:, None] + places, mode="clip")
    rows[places >= count[:, None]] = np.inf
    rows.sort(axis=-1)
    each, half = np.arange(len(first)), count // 2
    return rows[each, count - half - 1], rows[each, half]


def _middles_by_columns(values: Floats, first: Ints, count: int) -> tuple[Floats, Floats]:
    """The middle numbers of stretches of one small length, by forgetting those at the ends.

    All first numbers are one array, all second ones another, and so on: a comparison is two calls
    for all stretches. Of so many numbers that the others are fewer than half, neither the least nor
    the greatest is in the middle of all. Sorting thousands of rows of six takes thrice as long.
    """
    known = count // 2 + 2
    columns = [values.take(first + k) for k in range(min(known, count))]
    while len(columns) > 2:
        columns = _without_ends(columns)
        if known < count:
            columns.append(values.take(first + known))
            known += 1
    return columns[0], columns[-1]


def _without_ends(columns: list[Floats]) -> list[Floats]:
    """All but the least and the greatest of each row of columns, whose arrays are overwritten."""
    for compared, other in ((np.minimum, np.maximum), (np.maximum, np.minimum)):
        kept, end = [], columns[0]
        for column in columns[1:-1]:
            kept.append(compared(end, column))
            other(end, column, out=end)
        columns = [*kept, compared(end, columns[-1])]
    return columns
