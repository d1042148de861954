"""Looking things up in sorted numbers."""

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Ints


def find_in(ordered: NDArray[np.int64], asked: Ints) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where numbers are among others.

    Args:
        ordered: the others, ascending.
        asked: the numbers, shape (n,), in any order.

    Returns:
        The place of each, and whether it is there: only then its place means anything.
    """
    if not len(ordered):
        return np.zeros(len(asked), np.intp), np.zeros(len(asked), np.bool_)
    place = np.minimum(np.searchsorted(ordered, asked), len(ordered) - 1)
    return place, np.asarray(ordered[place] == asked)
