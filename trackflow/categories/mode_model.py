"""The classifier of slots: boosted trees, small enough to ship as numbers.

Gradient boosting as by Friedman (2001); fitted by `trackflow_tests/benchmarks/fit_modes.py`, which
says on which data. docs/modes.md explains it.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import names
from trackflow.categories.modes import CLASSES
from trackflow.geo.points import Floats

ROWS_AT_ONCE = 2048
"""Slots that go through the trees together: more would not fit into the processor's cache."""

FILE = Path(__file__).with_name("mode_model.json")


@dataclass(frozen=True, slots=True, eq=False)
class ModeModel:
    """Trees of one class after another; each class's scores add up.

    Attributes:
        version: changes with the numbers.
        bias: what each class begins with, shape (classes,).
        class_of: the class of each tree.
        roots: number of each tree's first node.
        feature: of each node.
        threshold: of each node: up to it, the left one is next.
        left: the next node on the left; a leaf's is itself.
        right: the next node on the right; a leaf's is itself.
        value: of each leaf.
        depth: the longest way from a root to a leaf.
    """

    version: str
    bias: Floats
    class_of: NDArray[np.int64]
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: Floats
    depth: int

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """The model in a file.

        Raises:
            ValueError: it was fitted on other features.
        """
        found = json.loads(path.read_text("utf-8"))
        if found["features"] != names() or found["classes"] != list(CLASSES):
            raise ValueError(f"{path.name} belongs to other features: fit the model again")
        nodes = np.array(found["nodes"], dtype=np.float64)
        whole = nodes[:, [0, 2, 3]].astype(np.int64)
        is_leaf = whole[:, 0] < 0
        # a leaf leads to itself, so that all trees take as many steps
        whole[is_leaf] = np.column_stack([np.zeros(is_leaf.sum()), *[np.flatnonzero(is_leaf)] * 2])
        return cls(
            found["version"],
            np.array(found["bias"]),
            np.array(found["class_of"]),
            np.array(found["roots"]),
            whole[:, 0],
            nodes[:, 1].astype(np.float32),
            whole[:, 1],
            whole[:, 2],
            nodes[:, 4],
            found["depth"],
        )

    def log_probabilities(self, features: NDArray[np.float32]) -> Floats:
        """Logarithm of each class's probability, shape (n, classes).

        Args:
            features: of slots, shape (n, features).
        """
        scores = np.empty((len(features), len(self.bias)))
        for first in range(0, len(features), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            scores[part] = self._scores(features[part])
        scores -= scores.max(axis=1, keepdims=True)
        found: Floats = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return found

    def _scores(self, features: NDArray[np.float32]) -> Floats:
        """All trees at once, level by level: a call per tree would cost more than its sums."""
        rows = np.arange(len(features))[:, None]
        node = np.repeat(self.roots[None, :], len(features), axis=0)
        for _ in range(self.depth):
            is_left = features[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(is_left, self.left[node], self.right[node])
        value, found = self.value[node], np.repeat(self.bias[None, :], len(features), axis=0)
        for number in range(len(self.bias)):
            found[:, number] += value[:, self.class_of == number].sum(axis=1)
        return found


@cache
def model() -> ModeModel:
    """The model of this package."""
    return ModeModel.load()
