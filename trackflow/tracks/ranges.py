"""Many ranges of indices at once: the loops of the rules that look around a few places."""

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Ints


def flat_ranges(low: Ints, high: Ints) -> Ints:
    """The whole numbers of each `[low, high)`, one range after another. No range is reversed."""
    counts = high - low
    if not len(counts):
        return np.empty(0, dtype=np.int64)
    ends = np.cumsum(counts)
    found: Ints = np.arange(ends[-1]) + np.repeat(low - (ends - counts), counts)
    return found


def sums(values: NDArray[np.bool_] | Ints, counts: Ints) -> Ints:
    """Sums of neighbouring stretches of whole numbers, `counts` of them each; empty ones give 0."""
    total = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
    ends = np.cumsum(counts)
    found: Ints = total[ends] - total[ends - counts]
    return found
