"""Runs, ranges and running sums: what the rules that look around a few places are made of.

Histories come device by device and day by day, so most arrays here are short, and a rule costs as
many microseconds as it calls numpy. So these use methods and slices, and not the functions of numpy
that do the same by way of several others (`diff` with `prepend`, `append`, `union1d`).
"""

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Bools, Floats, Ints


def flat_ranges(low: Ints, high: Ints) -> Ints:
    """The whole numbers of each `[low, high)`, one range after another. No range is reversed."""
    if not len(low):
        return np.empty(0, dtype=np.int64)
    counts = high - low
    ends = counts.cumsum()
    found: Ints = (low - (ends - counts)).repeat(counts)
    found += np.arange(len(found))
    return found


def numbered(counts: Ints) -> Ints:
    """The number of the stretch that each element belongs to, for stretches of such lengths."""
    found: Ints = np.arange(len(counts)).repeat(counts)
    return found


def running(values: NDArray[np.bool_] | Ints) -> Ints:
    """Sums of the whole numbers before each place, and of all: shape (n,) gives (n + 1,)."""
    total = np.empty(len(values) + 1, dtype=np.int64)
    total[0] = 0
    values.cumsum(dtype=np.int64, out=total[1:])
    return total


def sums(values: NDArray[np.bool_] | Ints, counts: Ints) -> Ints:
    """Sums of neighbouring stretches of whole numbers, `counts` of them each; empty ones give 0."""
    total, ends = running(values), counts.cumsum()
    found: Ints = total[ends] - total[ends - counts]
    return found


def totals(values: Floats, low: Ints, high: Ints) -> Floats:
    """Sums of the values of each `[low, high)`, in order and apart; empty ones give 0."""
    found = np.zeros(len(low))
    some = (low < high).nonzero()[0]
    if len(some):
        edges = np.stack([low[some], high[some]], axis=1).ravel()
        if edges[-1] == len(values):  # the last sum goes to the end by itself
            edges = edges[:-1]
        found[some] = np.add.reduceat(values, edges)[::2]
    return found


def counted(low: Ints, high: Ints, edges: Ints) -> Ints:
    """How many numbers of `[low, high)`, ranges in order and apart, lie before edges from 0 on."""
    begun = low.searchsorted(edges)
    found: Ints = running(high - low)[begun]
    found -= np.maximum(np.append(0, high)[begun] - edges, 0)
    return found


def runs(flags: Bools) -> tuple[Ints, Ints]:
    """Where each run of set flags begins, and the place after its end. Shapes (k,)."""
    if not len(flags):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    turns = np.empty(len(flags) + 1, dtype=np.bool_)
    turns[0], turns[-1] = flags[0], flags[-1]
    np.not_equal(flags[1:], flags[:-1], out=turns[1:-1])
    edges = turns.nonzero()[0]
    return edges[::2], edges[1::2]


def united(first: Ints, second: Ints) -> Ints:
    """All numbers of two arrays that are each in order without repeats, in order, once each."""
    if not len(first) or not len(second):
        return first if len(first) else second
    both = np.concatenate([first, second])
    both.sort()
    return distinct(both)


def distinct(ordered: Ints) -> Ints:
    """Numbers in order, each of them once."""
    new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


def contains(ordered: Ints, asked: Ints) -> Bools:
    """Whether each of some numbers is among others, which are in order. Any shape."""
    if not len(ordered):
        return np.zeros(asked.shape, dtype=np.bool_)
    at = ordered.searchsorted(asked)
    found: Bools = ordered.take(at, mode="clip") == asked
    return found
