"""The most likely sequence of classes: people do not change vehicles every half minute.

Viterbi's algorithm on a chain whose states are the classes. A slot's state depends on the slots
within an hour of its block alone: a history that is decoded in parts, or anew after a late point,
gives the same states.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import SLOT_US
from trackflow.categories.modes import CLASSES
from trackflow.geo.points import Floats, Ints

BLOCK = 120
"""Slots that are decoded together: an hour, aligned by the clock."""

MARGIN = 120
"""Slots before and after a block that are decoded with it and not kept."""

STAY = 0.98
"""Probability that a slot has the state of the slot before: legs last half an hour."""

DIRECT = 0.05
"""Share of changes from one vehicle to another without a slot on foot, of those that pass it."""

TRUST = 0.3
"""Weight of a slot's evidence: neighbouring slots share most of their windows."""


def decode(start_us: Ints, edges: Ints, log_odds: Floats) -> NDArray[np.int8]:
    """The state of each slot.

    Args:
        start_us: of slots that follow each other without a hole in each journey; shape (n,).
        edges: number of the first slot of each journey, and n.
        log_odds: logarithm of each class's probability; shape (n, classes).
    """
    offsets, lows, highs = [], [], []
    for low, high in itertools.pairwise(edges.tolist()):
        first = int(start_us[low] // SLOT_US)
        blocks = np.arange(first // BLOCK, (first + high - low - 1) // BLOCK + 1)
        offsets.append(blocks * BLOCK - first + low)
        lows += [low] * len(blocks)
        highs += [high] * len(blocks)
    offset, low, high = np.concatenate(offsets), np.array(lows), np.array(highs)
    # the slot of each place of each block with its margins
    slot = np.arange(-MARGIN, BLOCK + MARGIN)[:, None] + offset
    is_there = (slot >= low) & (slot < high)
    weighed = np.vstack([log_odds * TRUST, np.zeros(log_odds.shape[1])]).T
    evidence = weighed[:, np.where(is_there, slot, len(log_odds))]
    states = _viterbi(evidence)
    kept = slice(MARGIN, MARGIN + BLOCK)
    found = np.empty(len(start_us), dtype=np.int8)
    found[slot[kept][is_there[kept]]] = states[kept][is_there[kept]]
    return found


def _viterbi(evidence: Floats) -> NDArray[np.int8]:
    """Decode many chains at once; places without evidence prefer no state.

    Args:
        evidence: shape (classes, length, chains); returns (length, chains).
    """
    change = _log_changes()[:, :, None]
    classes, length, chains = evidence.shape
    best = evidence[:, 0]
    came_from = np.zeros((length, classes, chains), dtype=np.int8)
    for k in range(1, length):
        score = best[:, None, :] + change
        top, source = score[0], came_from[k]
        for state in range(1, classes):
            better = score[state] > top
            source[better] = state
            top = np.where(better, score[state], top)
        best = top + evidence[:, k]
    states = np.zeros((length, chains), dtype=np.int8)
    states[-1] = best.argmax(axis=0)
    columns = np.arange(chains)
    for k in range(length - 1, 0, -1):
        states[k - 1] = came_from[k, states[k], columns]
    return states


def _log_changes() -> Floats:
    """Logarithms of the probability to change from one class (rows) to another (columns)."""
    classes = len(CLASSES)
    foot = CLASSES.index("foot")
    share = np.full((classes, classes), DIRECT)
    share[foot, :] = share[:, foot] = 1.0
    np.fill_diagonal(share, 0.0)
    share *= (1 - STAY) / share.sum(axis=1, keepdims=True)
    np.fill_diagonal(share, STAY)
    return np.log(share)
