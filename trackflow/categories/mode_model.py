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

FILE = Path(__file__).with_name("mode_model.json")


@dataclass(frozen=True, slots=True, eq=False)
class ModeModel:
    """Trees of one class after another; each class's scores add up.

    Attributes:
        version: changes with the numbers.
        bias: what each class begins with, shape (classes,).
        class_of: the class of each tree.
        roots: number of each tree's first node.
        feature: of each node; -1 for a leaf.
        threshold: of each node: up to it, the left one is next.
        left: next node on the left; on the right, the one after it.
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
        scores = np.repeat(self.bias[None, :], len(features), axis=0)
        rows = np.arange(len(features))
        for root, number in zip(self.roots, self.class_of, strict=True):
            node = np.full(len(features), root)
            for _ in range(self.depth):
                asked = self.feature[node]
                is_left = features[rows, np.maximum(asked, 0)] <= self.threshold[node]
                node = np.where(
                    asked < 0, node, np.where(is_left, self.left[node], self.right[node])
                )
            scores[:, number] += self.value[node]
        scores -= scores.max(axis=1, keepdims=True)
        found: Floats = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return found


@cache
def model() -> ModeModel:
    """The model of this package."""
    return ModeModel.load()
