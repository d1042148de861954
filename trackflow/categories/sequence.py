"""The most likely sequence of classes: people do not change vehicles every half minute.

Viterbi's algorithm on a chain whose states are the classes. A slot's state depends on the slots
within half an hour of its block alone: a history that is decoded in parts, or anew after a late
point, gives the same states.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import SLOT_US
from trackflow.categories.modes import CLASSES
from trackflow.geo.points import Bools, Ints

BLOCK = 120
"""Slots that are decoded together: an hour, aligned by the clock."""

MARGIN = 60
"""Slots before and after a block that are decoded with it and not kept."""

STAY = 0.99
"""Probability that a slot has the state of the slot before: legs last most of an hour."""

DIRECT = 0.02
"""Share of changes from one vehicle to another without a slot on foot, of those that pass it."""

TRUST = 0.45
"""Weight of a slot's evidence: neighbouring slots share most of their windows."""


UNITS = 1e6
"""Evidence and changes are whole numbers of millionths: a sum of floats would depend on where it
began."""


def decode(start_us: Ints, edges: Ints, log_odds: Ints) -> NDArray[np.int8]:
    """The state of each slot.

    Args:
        start_us: of slots that follow each other without a hole in each journey; shape (n,).
        edges: number of the first slot of each journey, and n.
        log_odds: logarithm of each class's probability, in `UNITS`; shape (classes, n).
    """
    low, high = edges[:-1], edges[1:]
    number = start_us[low] // SLOT_US
    blocks = (number + high - low - 1) // BLOCK - number // BLOCK + 1
    # the slot at which each block begins, and the journey's slots that are there
    nth = np.arange(blocks.sum()) - np.repeat(np.cumsum(blocks) - blocks, blocks)
    offset = np.repeat(low - number % BLOCK, blocks) + nth * BLOCK
    low, high = np.repeat(low, blocks), np.repeat(high, blocks)
    state, is_open = _single_states(
        log_odds, np.maximum(offset - MARGIN, low), np.minimum(offset + BLOCK + MARGIN, high)
    )
    lasts = np.minimum(offset + BLOCK, high) - np.maximum(offset, low)
    found = np.repeat(state, lasts)
    if is_open.any():
        offset, low, high = offset[is_open], low[is_open], high[is_open]
        slot = np.arange(-MARGIN, BLOCK + MARGIN)[:, None] + offset
        is_there = (slot >= low) & (slot < high)
        # places where no block has a slot change nothing
        used = np.flatnonzero(is_there.any(axis=1))
        rows = slice(used[0], used[-1] + 1)
        evidence = np.concatenate([log_odds, np.zeros((len(log_odds), 1), dtype=np.int64)], axis=1)
        states = np.zeros(slot.shape, dtype=np.int8)
        states[rows] = _viterbi(evidence[:, np.where(is_there, slot, -1)[rows]])
        kept = is_there & (slot >= offset) & (slot < offset + BLOCK)
        found[slot[kept]] = states[kept]
    return found


def _single_states(log_odds: Ints, low: Ints, high: Ints) -> tuple[NDArray[np.int8], Bools]:
    """The best sequence without a change of each part, and whether one with changes may be better.

    It may not where all that other states could win is less than one change costs.

    Args:
        log_odds: logarithm of each class's probability, in `UNITS`; shape (classes, n).
        low: number of the first slot of each part.
        high: and of the one after its last.
    """
    lost = np.zeros((len(log_odds), log_odds.shape[1] + 1), dtype=np.int64)
    np.cumsum(log_odds.max(axis=0) - log_odds, axis=1, out=lost[:, 1:])
    lost_by_part = lost[:, high] - lost[:, low]
    changes = _changes()
    least = changes[0, 0] - changes[~np.eye(len(changes), dtype=bool)].max()
    return lost_by_part.argmin(axis=0).astype(np.int8), lost_by_part.min(axis=0) >= least


def _viterbi(evidence: Ints) -> NDArray[np.int8]:
    """Decode many chains at once; places without evidence prefer no state.

    Args:
        evidence: shape (classes, length, chains); returns (length, chains).
    """
    classes, length, chains = evidence.shape
    # the class that a score came from is its last digit: one maximum finds both
    digit = classes - 1 - np.arange(classes)
    change = (_changes() * classes + digit[:, None])[:, :, None]
    weighed = np.ascontiguousarray(evidence.transpose(1, 0, 2)) * classes
    arrived = np.zeros((length, classes, chains), dtype=np.int64)
    score = np.empty((classes, classes, chains), dtype=np.int64)
    best = weighed[0]
    for k in range(1, length):
        np.add(best[:, None], change, out=score)
        np.maximum.reduce(score, axis=0, out=arrived[k])
        best = (arrived[k] & -classes) + weighed[k]
    came_from = (classes - 1 - (arrived & classes - 1)).transpose(2, 0, 1).tolist()
    states = np.empty((length, chains), dtype=np.int8)
    for number, last in enumerate(best.argmax(axis=0).tolist()):
        states[:, number] = _traced(came_from[number], last)
    return states


def _traced(came_from: list[list[int]], last: int) -> list[int]:
    """The states of a chain, from the last one back."""
    found = [last]
    for before in reversed(came_from[1:]):
        found.append(before[found[-1]])
    return found[::-1]


@cache
def _changes() -> Ints:
    """Logarithms of the probability to change from one class (rows) to another (columns).

    In `UNITS`, as much larger as evidence is trusted less.
    """
    classes = len(CLASSES)
    foot = CLASSES.index("foot")
    share = np.full((classes, classes), DIRECT)
    share[foot, :] = share[:, foot] = 1.0
    np.fill_diagonal(share, 0.0)
    share *= (1 - STAY) / share.sum(axis=1, keepdims=True)
    np.fill_diagonal(share, STAY)
    return np.rint(np.log(share) * (UNITS / TRUST)).astype(np.int64)
