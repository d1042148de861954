"""Stretches: the shortest rows of slots that last long enough to prove a stay.

The longer a stretch lasts, the larger it may be. From each slot there is one ahead and one back in
time, so that none depends on where a scan began.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from trackflow.geo.points import Bools, Floats, Ints
from trackflow.tracks.ranges import flat_ranges, numbered, runs
from trackflow.tracks.slots import Slots, slot_us
from trackflow.tracks.thresholds import LONGEST_STRETCH_S, US, Thresholds

LONGER = ((600.0, 1.5), (LONGEST_STRETCH_S, 2.0))
"""Longer times than the dwell time, in seconds, and how much larger a box they allow."""

LARGEST = LONGER[-1][1]
"""The largest box of a longer stretch, by that of the shortest ones."""


def half_dwell_us(thresholds: Thresholds) -> int:
    """Half of the dwell time in microseconds."""
    return int(thresholds.dwell_s / 2 * US)


@lru_cache(maxsize=64)
def scales(thresholds: Thresholds) -> tuple[tuple[int, float], ...]:
    """How long stretches must last, in µs, and how large they may be, in metres.

    A slot at either end may be half on the way in or out, so a stretch may be a slot shorter.
    """
    diagonal_m = 2 * thresholds.dwell_radius_m
    found = [(thresholds.dwell_s, diagonal_m)]
    found += [(s, share * diagonal_m) for s, share in LONGER if s > thresholds.dwell_s]
    return tuple((int(s * US) - slot_us(thresholds), size_m) for s, size_m in found)


def stretches(
    slots: Slots, joined: tuple[Ints, Ints], steps: Bools, sizes: Sequence[tuple[int, float]]
) -> tuple[Ints, Ints, Floats]:
    """The shortest stretches of some scales that hold some of the given steps.

    From each slot, ahead and back in time.

    Args:
        slots: without excursions. Shape (m,).
        joined: the group of slots that each belongs to, shape (m,), and the sizes of the groups. A
            stretch lies in one group.
        steps: which steps from a slot to the next. Shape (m - 1,).
        sizes: how long stretches must last, in µs, and how large they may be, in metres.

    Returns:
        First and last slots, and how large each may be. Shapes (k,).
    """
    start_us, end_us = slots.start_us, slots.end_us
    groups, counts = joined
    close = counts.cumsum()
    lasts_us = np.array([lasts_us for lasts_us, _ in sizes], dtype=np.int64)[:, None]
    # Each run of such steps is held by stretches that begin within it, or before it and after the
    # run before, if its first step begins before they are long enough; and by those that end so.
    first, end = runs(steps)
    low = start_us.searchsorted(end_us[first] - lasts_us, side="right")
    low[:, 1:] = np.maximum(low[:, 1:], end[:-1])
    high = end_us.searchsorted(start_us[end] + lasts_us)
    high[:, :-1] = np.minimum(high[:, :-1], first[1:] + 1)
    heads, tails = end - low, high - first - 1
    here, scale = flat_ranges(low.ravel(), (low + heads).ravel()), numbered(heads.sum(axis=1))
    there, of = flat_ranges((high - tails).ravel(), high.ravel()), numbered(tails.sum(axis=1))
    ahead_us, back_us = start_us[here] + lasts_us.take(scale), end_us[there] - lasts_us.take(of)
    # They end and begin within their group.
    whole = end_us[close - 1][groups[here]] >= ahead_us
    here, ahead_us, scale = here[whole], ahead_us[whole], scale[whole]
    whole = start_us[close - counts][groups[there]] <= back_us
    there, back_us, of = there[whole], back_us[whole], of[whole]
    begin = np.concatenate([here, start_us.searchsorted(back_us, side="right") - 1])
    end = np.concatenate([end_us.searchsorted(ahead_us), there])
    # A person may give a whole number of metres: without its type, an array of those is of ints.
    most_m = np.array([size_m for _, size_m in sizes], dtype=np.float64)
    most_m = most_m.take(np.concatenate([scale, of]))
    some = begin < end
    return begin[some], end[some], most_m[some]
