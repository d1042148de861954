"""The classifier of slots: a small neural network, shipped as whole numbers.

One hidden layer. Inputs, weights and hidden values are whole numbers small enough that every sum is
exact: the result is the same to the last bit however many slots are computed together, on any
machine. Fitted by `trackflow_tests/benchmarks/fit_modes.py`, which says on which data;
docs/modes.md explains it.
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

STEPS = 32
"""Steps of a feature's standard deviation that its whole number counts."""

FURTHEST = 4 * STEPS
"""Features further from the mean count as so far: no other town is as far as one wrong point."""

WEIGHT_STEPS = 512
HIDDEN_STEPS = 64
ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True, eq=False)
class ModeModel:
    """Weights of a network with one hidden layer; whole numbers in arrays of floats.

    Attributes:
        version: changes with the numbers.
        mean: of each feature, shape (features,).
        deviation: of each feature.
        first: weights from features to hidden values, shape (features, hidden).
        first_bias: shape (hidden,).
        second: weights from hidden values to classes, shape (hidden, classes).
        second_bias: shape (classes,).
    """

    version: str
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """The model in a file.

        Raises:
            ValueError: it was fitted on other features.
        """
        found = json.loads(path.read_text("utf-8"))
        if found["features"] != names() or found["classes"] != list(CLASSES):
            raise ValueError(f"{path.name} belongs to other features: fit the model again")
        return cls(
            found["version"],
            np.array(found["mean"], dtype=np.float32),
            np.array(found["deviation"], dtype=np.float32),
            np.array(found["first"], dtype=np.float64),
            np.array(found["first_bias"], dtype=np.float64),
            np.array(found["second"], dtype=np.float64),
            np.array(found["second_bias"], dtype=np.float64),
        )

    def log_probabilities(self, features: NDArray[np.float32]) -> Floats:
        """Logarithm of each class's probability, shape (n, classes).

        Args:
            features: of slots, shape (n, features).
        """
        scores = np.empty((len(features), len(self.second_bias)))
        for first in range(0, len(features), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            scores[part] = self._scores(features[part])
        scores -= scores.max(axis=1, keepdims=True)
        found: Floats = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        # processors differ in the last bits of exponentials
        return np.rint(found * 1e4) / 1e4

    def _scores(self, features: NDArray[np.float32]) -> Floats:
        steps = np.rint((features - self.mean) / self.deviation * np.float32(STEPS))
        inputs = np.clip(steps, -FURTHEST, FURTHEST).astype(np.float64)
        hidden = np.maximum(inputs @ self.first + self.first_bias, 0)
        hidden = np.rint(hidden * (HIDDEN_STEPS / (STEPS * WEIGHT_STEPS)))
        scores = hidden @ self.second + self.second_bias
        found: Floats = scores / (HIDDEN_STEPS * WEIGHT_STEPS)
        return found


@cache
def model() -> ModeModel:
    """The model of this package."""
    return ModeModel.load()
