"""The fast decoding against Viterbi's algorithm as textbooks have it, block by block."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.categories.features import SLOT_US
from trackflow.categories.modes import CLASSES
from trackflow.categories.sequence import BLOCK, MARGIN, UNITS, _changes, decode

START_SLOT = 58_934_400


def plain(odds: list[list[int]]) -> list[int]:
    """The best sequence; of equal ones that with the lower classes, from the last slot back."""
    change = _changes().tolist()
    classes = range(len(CLASSES))
    best, came_from = odds[0], []
    for here in odds[1:]:
        scores = [[best[a] + change[a][b] for a in classes] for b in classes]
        came_from.append([row.index(max(row)) for row in scores])
        best = [max(row) + one for row, one in zip(scores, here, strict=True)]
    found = [best.index(max(best))]
    for row in reversed(came_from):
        found.append(row[found[-1]])
    return found[::-1]


def block_by_block(first: int, odds: list[list[int]]) -> list[int]:
    """Each block of the clock decoded with its margins."""
    found = []
    for block in range(first // BLOCK, (first + len(odds) - 1) // BLOCK + 1):
        begin, end = (max(at * BLOCK - first, 0) for at in (block, block + 1))
        low = max(block * BLOCK - first - MARGIN, 0)
        states = plain(odds[low : max(end + MARGIN, 0)])
        found += states[begin - low : min(end, len(odds)) - low]
    return found


def evidence(seed: int, slots: int, doubt: float) -> np.ndarray:
    """Runs of a favourite class with doubts and with holes that say nothing: shape (n, classes)."""
    random = np.random.default_rng(seed)
    favourite = np.repeat(random.integers(0, len(CLASSES), slots), 25)[:slots]
    odds = -random.exponential(doubt, (slots, len(CLASSES)))
    odds[np.arange(slots), favourite] += 1.0
    odds[np.repeat(random.random(slots) < 0.2, 15)[:slots]] = 0.0
    return np.rint(odds * UNITS).astype(np.int64)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.integers(1, 400),
            st.sampled_from((0.1, 1.0, 5.0)),
            st.integers(0, 400),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_states_are_those_of_the_plain_algorithm(
    journeys: list[tuple[int, int, float, int]],
) -> None:
    parts = [evidence(seed, slots, doubt) for seed, slots, doubt, _ in journeys]
    firsts = [START_SLOT + offset for *_, offset in journeys]
    starts = [first + np.arange(len(part)) for first, part in zip(firsts, parts, strict=True)]
    edges = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    found = decode(np.concatenate(starts) * SLOT_US, edges, np.vstack(parts).T)
    expected = [block_by_block(at, part.tolist()) for at, part in zip(firsts, parts, strict=True)]
    assert found.tolist() == list(itertools.chain.from_iterable(expected))
