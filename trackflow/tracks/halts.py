"""Halts on the way: at lights, in queues, at a door, too short to end a track.

A device stands where it gets no further than a slow step for half a minute. Shorter halts drown in
the noise of positions. What lasts as long as a stop is none: it ends the track.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints

HALT_US = 30_000_000
"""A halt lasts at least so long."""

STANDING_MS = 0.5
"""Metres per second in a straight line below which a device stands: a slow walk is faster."""

PROBES = (2, 3, 4)
"""Parts of that time after which it is still there: one that circles is away at one of them, also
where it comes round in 15 s or in 10."""


@dataclass(frozen=True, slots=True, eq=False)
class Halts:
    """The halts of a movement.

    Attributes:
        time_us: of its points in order, shape (n,).
        idle_us: microseconds of halts up to each point, shape (n,); never falling.
    """

    time_us: Ints
    idle_us: Ints

    @property
    def within(self) -> Bools:
        """Which points have a halt before and behind them, shape (n,): all but its ends."""
        stands = np.diff(self.idle_us, prepend=self.idle_us[:1], append=self.idle_us[-1:]) > 0
        return stands[:-1] & stands[1:]

    def between_ms(self, edges_us: Sequence[int]) -> list[int]:
        """Whole milliseconds of halts between neighbouring edges.

        Args:
            edges_us: from the first point to the last one, in order; m + 1 of them.

        Returns:
            Shape (m,).
        """
        edges = np.asarray(edges_us, dtype=np.int64)
        before = np.clip(np.searchsorted(self.time_us, edges, side="right") - 1, 0, None)
        after = np.minimum(before + 1, len(self.time_us) - 1)
        # a step is either all halt or none
        stands = self.idle_us[after] > self.idle_us[before]
        until_us = self.idle_us[before] + (edges - self.time_us[before]) * stands
        found: list[int] = np.diff(until_us // 1000).tolist()
        return found


def find_halts(time_us: Ints, x: Floats, y: Floats) -> Halts:
    """The halts among smoothed positions.

    Args:
        time_us: in order, shape (n,).
        x: metres to the east, shape (n,).
        y: metres to the north, shape (n,).
    """
    steps_us = np.diff(time_us) * _idle_steps(time_us, x, y)
    return Halts(time_us, np.concatenate([[0], np.cumsum(steps_us)]))


def _idle_steps(time_us: Ints, x: Floats, y: Floats) -> Ints:
    """1 for each step between points that lies in a halt, else 0; shape (n - 1,)."""
    end = np.searchsorted(time_us, time_us + HALT_US)
    begin = np.flatnonzero(end < len(time_us))
    end = end[begin]
    limit_m = STANDING_MS * (time_us[end] - time_us[begin]) / 1e6
    # back at its begin after a turn, or after some rounds, is no halt
    halts = np.hypot(x[end] - x[begin], y[end] - y[begin]) < limit_m
    for part in PROBES:
        at = begin + (end - begin) // part
        halts &= np.hypot(x[at] - x[begin], y[at] - y[begin]) < limit_m
    changes = np.zeros(len(time_us), dtype=np.int64)
    np.add.at(changes, begin[halts], 1)
    np.add.at(changes, end[halts], -1)
    return (np.cumsum(changes)[:-1] > 0).astype(np.int64)
