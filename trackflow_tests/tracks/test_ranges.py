"""The helpers of the rules give what plain Python and numpy's own functions give."""

import statistics
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.points import Ints, e7
from trackflow.tracks.ranges import (
    contains,
    counted,
    distinct,
    flat_ranges,
    numbered,
    running,
    runs,
    sums,
    totals,
    united,
)
from trackflow.tracks.slots import MANY, NARROW, medians

numbers = st.lists(st.integers(-50, 50), max_size=30)
counts = st.lists(st.integers(0, 6), max_size=12)


def ints(values: list[int] | range) -> Ints:
    return np.array(values, dtype=np.int64)


@given(low=numbers, count=counts)
def test_ranges_follow_each_other(low: list[int], count: list[int]) -> None:
    ranges = [range(a, a + n) for a, n in zip(low, count, strict=False)]
    begin, end = ints([r.start for r in ranges]), ints([r.stop for r in ranges])
    assert flat_ranges(begin, end).tolist() == [x for r in ranges for x in r]
    owners = [k for k, r in enumerate(ranges) for _ in r]
    assert numbered(end - begin).tolist() == owners


@given(values=numbers, data=st.data())
def test_sums_of_stretches(values: list[int], data: st.DataObject) -> None:
    edges = sorted(data.draw(st.lists(st.integers(0, len(values)), min_size=1)))
    bounds = [0, *edges, len(values)]
    stretches = [values[a:b] for a, b in pairwise(bounds)]
    lengths = ints([len(s) for s in stretches])
    assert sums(ints(values), lengths).tolist() == [sum(s) for s in stretches]
    assert running(ints(values)).tolist() == [sum(values[:k]) for k in range(len(values) + 1)]


@given(
    edges=st.lists(st.integers(0, 30), max_size=12), asked=st.lists(st.integers(0, 40), max_size=9)
)
def test_ranges_in_order_are_summed_and_counted(edges: list[int], asked: list[int]) -> None:
    edges = sorted(edges)
    ranges = [range(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    low, high = ints([r.start for r in ranges]), ints([r.stop for r in ranges])
    values = [float(k * k) for k in range(30)]
    assert totals(np.array(values), low, high).tolist() == [sum(r_of(values, r)) for r in ranges]
    before = [sum(x < edge for r in ranges for x in r) for edge in asked]
    assert counted(low, high, ints(asked)).tolist() == before


def r_of(values: list[float], rows: range) -> list[float]:
    return values[rows.start : rows.stop]


@given(flags=st.lists(st.booleans(), max_size=20))
def test_runs_hold_all_set_flags_and_no_other(flags: list[bool]) -> None:
    begin, end = runs(np.array(flags, dtype=np.bool_))
    assert flat_ranges(begin, end).tolist() == [k for k, flag in enumerate(flags) if flag]
    assert np.all(begin[1:] > end[:-1]), "runs are as long as they can be"


@given(first=numbers, second=numbers)
def test_sets_in_order(first: list[int], second: list[int]) -> None:
    one, other = sorted(set(first)), sorted(set(second))
    assert united(ints(one), ints(other)).tolist() == sorted({*one, *other})
    assert contains(ints(one), ints(second)).tolist() == [x in one for x in second]
    assert distinct(ints(sorted(first))).tolist() == one


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    usual=st.integers(2, NARROW + 1),
    many=st.sampled_from([0, MANY]),
    seed=st.integers(0, 1000),
)
def test_medians_of_stretches_of_any_lengths(
    lengths: list[int], usual: int, many: int, seed: int
) -> None:
    """Few or many, of one length or of many lengths: each way to sort them gives the same."""
    random = np.random.default_rng(seed)
    count = random.permutation(ints(lengths + [usual] * many))
    values = random.integers(-(10**10), 10**10, int(count.sum()))
    first = count.cumsum() - count
    # rounded down between the two in the middle
    expected = [
        (statistics.median_low(part) + statistics.median_high(part)) // 2
        for part in (values[a : a + n].tolist() for a, n in zip(first, count, strict=True))
    ]
    assert medians([values.astype(np.float64)], first, count)[0].tolist() == expected
    columns = [values / 1e7, values[::-1] / 1e7]
    assert medians(columns, first, count, e7)[0].tolist() == expected
