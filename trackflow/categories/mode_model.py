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
PRODUCT_COLUMNS = 128


@dataclass(frozen=True, slots=True, eq=False)
class ModeModel:
    """Weights of a network with one hidden layer: whole numbers, as are all sums of them.

    All are below 2 ** 24: floats of 32 bits hold them.

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
    first: NDArray[np.float32]
    first_bias: NDArray[np.float32]
    second: NDArray[np.float32]
    second_bias: NDArray[np.float32]

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
            np.array(found["first"], dtype=np.float32),
            np.array(found["first_bias"], dtype=np.float32),
            np.array(found["second"], dtype=np.float32),
            np.array(found["second_bias"], dtype=np.float32),
        )

    def log_probabilities(self, features: NDArray[np.float32]) -> Floats:
        """Logarithm of each class's probability, shape (n, classes).

        Args:
            features: of slots, shape (n, features).
        """
        found = np.empty((len(self.second_bias), len(features)))
        for first in range(0, len(features), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            found[:, part] = self._scores(features[part].T)
        found -= found.max(axis=0)
        found -= np.log(np.exp(found).sum(axis=0))
        # processors differ in the last bits of exponentials
        return (np.rint(found * 1e4) / 1e4).T

    def _scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = features - self.mean[:, None]
        inputs /= self.deviation[:, None] / np.float32(STEPS)
        np.clip(np.rint(inputs, out=inputs), -FURTHEST, FURTHEST, out=inputs)
        hidden = _product(self.first.T, inputs) + self.first_bias[:, None]
        np.maximum(hidden, 0, out=hidden)
        hidden *= np.float32(HIDDEN_STEPS / (STEPS * WEIGHT_STEPS))
        scores = _product(self.second.T, np.rint(hidden, out=hidden)) + self.second_bias[:, None]
        found: NDArray[np.float32] = scores / np.float32(HIDDEN_STEPS * WEIGHT_STEPS)
        return found


def _product(weights: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Matrix product, in pieces that are too small to be shared out to threads.

    On a busy machine threads wait for each other longer than they multiply.
    """
    rows, columns = len(weights), values.shape[1] // PRODUCT_COLUMNS * PRODUCT_COLUMNS
    found = np.empty((rows, values.shape[1]), dtype=np.float32)
    pieces = values[:, :columns].reshape(len(values), -1, PRODUCT_COLUMNS).transpose(1, 0, 2)
    product = weights @ pieces
    found[:, :columns].reshape(rows, -1, PRODUCT_COLUMNS)[:] = product.transpose(1, 0, 2)
    found[:, columns:] = weights @ values[:, columns:]
    return found


@cache
def model() -> ModeModel:
    """The model of this package."""
    return ModeModel.load()
