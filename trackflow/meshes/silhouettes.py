"""Which part of an image is the figure, and which is the ground around it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.errors import BadInputError

type Levels = NDArray[np.float32]

_BINS = 256
_OPAQUE = 0.5
_CUT_OUT_SHARE = 0.01
"""So much of an image is transparent, at least, where its ground was cut away."""


@dataclass(frozen=True, slots=True, eq=False)
class Silhouette:
    """A figure on its ground.

    Attributes:
        levels: above zero in a pixel of the figure, zero or below in one of the ground; the outline
            lies where they pass zero between two pixels. Shape (rows, columns).
        notes: what was assumed, for people.
    """

    levels: Levels
    notes: tuple[str, ...] = ()


def silhouette_of(
    grey: Levels, alpha: Levels | None, threshold: float | None, name: str
) -> Silhouette:
    """The figure in an image.

    Args:
        grey: brightness from 0 to 1, shape (rows, columns).
        alpha: opacity from 0 to 1, of the same shape; None: opaque.
        threshold: grey level from 0 to 1 that parts figure and ground, in an image without
            transparent pixels; None finds it.
        name: of the image, for messages.

    Raises:
        BadInputError: no pixel is of the figure, or none is of the ground.
    """
    if alpha is not None and _is_cut_out(grey, alpha):
        levels, note = alpha - np.float32(_OPAQUE), "the figure is what is not transparent"
    else:
        shown = grey if alpha is None else alpha * grey + (1 - alpha)  # on white, as viewers do
        levels, note = _by_brightness(shown, threshold, name)
    inside = np.count_nonzero(levels > 0)
    if inside == 0:
        raise BadInputError(f"{name} shows no figure: {note}, and that is nothing in this image")
    if inside == levels.size:
        raise BadInputError(f"{name} shows no ground: {note}, and that is the whole image")
    return Silhouette(levels.astype(np.float32), (note,))


def _is_cut_out(grey: Levels, alpha: Levels) -> bool:
    """Whether transparency tells the figure from its ground.

    A drawing on an opaque ground may have a few soft pixels at its edges all the same.
    """
    transparent = alpha < _OPAQUE
    share = np.count_nonzero(transparent) / alpha.size
    if share >= _CUT_OUT_SHARE or share == 0:
        return bool(share > 0)
    visible = grey[~transparent]
    return float(visible.min()) == float(visible.max())


def _by_brightness(grey: Levels, threshold: float | None, name: str) -> tuple[Levels, str]:
    """Levels of the figure; what the image's border mostly shows is the ground."""
    if threshold is None:
        if float(grey.min()) == float(grey.max()):
            raise BadInputError(f"{name} has one brightness only: it shows no figure")
        threshold = otsu_threshold(grey)
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    is_light = 2 * np.count_nonzero(border > threshold) >= border.size
    side = "darker" if is_light else "lighter"
    levels = threshold - grey if is_light else grey - threshold
    return levels.astype(np.float32), f"the figure is what is {side} than {threshold:.3f}"


def otsu_threshold(grey: Levels) -> float:
    """The level that parts an image into its two most different halves.

    The variance between both classes is largest there (Otsu, "A Threshold Selection Method from
    Gray-Level Histograms", 1979). Where several levels are as good, as between the two values of a
    drawing, it is the middle of them: there the edge of a smoothed line is where it was drawn.
    """
    low, high = float(grey.min()), float(grey.max())
    counts, edges = np.histogram(grey, bins=_BINS, range=(low, high))
    weights = np.cumsum(counts) / grey.size
    sums = np.cumsum(counts * (edges[:-1] + edges[1:]) / 2) / grey.size
    below, above = weights[:-1], 1 - weights[:-1]  # the last level would leave nothing above
    between = (sums[-1] * below - sums[:-1]) ** 2 / np.maximum(below * above, 1e-12)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1:-1][best].mean())
