"""The most likely sequence of classes: people do not change vehicles every half minute.

Viterbi's algorithm on a chain whose states are the classes. A slot's state depends on the slots
within an hour of its block alone: a history that is decoded in parts, or anew after a late point,
gives the same states.
"""

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


def decode(start_us: Ints, log_odds: Floats) -> NDArray[np.intp]:
    """The state of each slot.

    Args:
        start_us: of slots that follow each other without a hole; shape (n,).
        log_odds: logarithm of each class's probability; shape (n, classes).
    """
    first = int(start_us[0] // SLOT_US)
    number = first + np.arange(len(start_us))
    low = first // BLOCK
    blocks = int(number[-1]) // BLOCK - low + 1
    # (block, slot of the block with its margins): the slot's place in the input
    place = (low + np.arange(blocks))[:, None] * BLOCK + np.arange(-MARGIN, BLOCK + MARGIN) - first
    is_there = (place >= 0) & (place < len(start_us))
    evidence = log_odds[np.clip(place, 0, len(start_us) - 1)] * TRUST
    states = _viterbi(np.where(is_there[:, :, None], evidence, 0.0), is_there)
    kept = states[:, MARGIN : MARGIN + BLOCK]
    return kept[is_there[:, MARGIN : MARGIN + BLOCK]]


def _viterbi(evidence: Floats, is_there: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Decode many chains at once. A slot that is not there costs nothing and changes nothing."""
    change = _log_changes()
    chains, length, classes = evidence.shape
    best = evidence[:, 0].copy()
    came_from = np.zeros((chains, length, classes), dtype=np.intp)
    none = np.where(np.eye(classes, dtype=bool), 0.0, -np.inf)
    for k in range(1, length):
        steps = np.where((is_there[:, k] & is_there[:, k - 1])[:, None, None], change, none)
        score = best[:, :, None] + steps
        came_from[:, k] = score.argmax(axis=1)
        best = score.max(axis=1) + evidence[:, k]
    states = np.zeros((chains, length), dtype=np.intp)
    states[:, -1] = best.argmax(axis=1)
    rows = np.arange(chains)
    for k in range(length - 1, 0, -1):
        states[:, k - 1] = came_from[rows, k, states[:, k]]
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
