"""Elevation gain of a track, from the heights that its device reported.

Heights of GPS wander by ten metres and more, so their steps add up to mountains that are none.
First a median of five heights drops single wrong ones, then the mean of a quarter of a minute calms
the rest. A rise counts only once it is higher than the noise (hysteresis): from the lowest height
before it to the highest one, before the height falls by as much again.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.points import Ints

MEDIAN_OF = 5
SLOT_US = 15_000_000

RISE_CM = 1000
"""A rise of less than 10 m may be noise."""

FEWEST_SLOTS = 2
"""Fewer heights tell no difference."""


@dataclass(frozen=True, slots=True, eq=False)
class Heights:
    """Heights that a device reported, in order of time; arrays of shape (n,).

    Attributes:
        time_us: UTC microseconds since 1970; each time once.
        height_cm: whole centimetres above the sea, or whatever the device counts from.
    """

    time_us: Ints
    height_cm: Ints

    def at(self, times_us: Ints) -> "Heights":
        """The heights of points with these times, in order; points without one are left out."""
        if not len(self.time_us):
            return self
        rows = np.minimum(self.time_us.searchsorted(times_us), len(self.time_us) - 1)
        rows = rows[self.time_us[rows] == times_us]
        return Heights(self.time_us[rows], self.height_cm[rows])


def climb_cm(heights: Heights, edges_us: Sequence[int]) -> list[int] | None:
    """Whole centimetres climbed between neighbouring edges.

    Args:
        heights: of the points of a track, in order of time.
        edges_us: from the track's start to its end, in order; m + 1 of them.

    Returns:
        Shape (m,); None if the heights tell nothing.
    """
    time_us, height_cm = _calmed(heights)
    if len(time_us) < FEWEST_SLOTS:
        return None
    found = [0] * (len(edges_us) - 1)
    for moment_us, rise_cm in _rises(time_us.tolist(), height_cm.tolist()):
        k = bisect_left(edges_us, moment_us) - 1
        found[min(max(k, 0), len(found) - 1)] += rise_cm
    return found


def _calmed(heights: Heights) -> tuple[Ints, Ints]:
    """Mean heights of slots of the clock, each with the time of its last point."""
    height_cm = heights.height_cm
    if len(height_cm) < FEWEST_SLOTS:
        return heights.time_us, height_cm
    reach = MEDIAN_OF // 2
    padded = np.pad(height_cm, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_OF)
    calmed = np.median(windows, axis=1)
    slots = heights.time_us // SLOT_US
    begins = np.flatnonzero(np.diff(slots, prepend=slots[0] - 1))
    counts = np.diff(begins, append=len(slots))
    means = np.rint(np.add.reduceat(calmed, begins) / counts).astype(np.int64)
    return heights.time_us[begins + counts - 1], means


def _rises(time_us: list[int], height_cm: list[int]) -> list[tuple[int, int]]:
    """The parts of all rises that count, each with the time of its upper end."""
    found: list[tuple[int, int]] = []
    open_: list[tuple[int, int]] = []  # of the rise from `low`, which may be too low to count
    low = high = height_cm[0]
    for moment_us, height in zip(time_us[1:], height_cm[1:], strict=True):
        if height > high:
            open_.append((moment_us, height - high))
            high = height
        elif high - height >= RISE_CM or (height < low and high - low < RISE_CM):
            if high - low >= RISE_CM:
                found += open_
            open_ = []
            low = high = height
    return found + open_ if high - low >= RISE_CM else found
