"""Silhouettes, terrains and lines to try."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pydelatin import Delatin

from trackflow.meshes.silhouettes import Silhouette, silhouette_of
from trackflow.meshes.triangles import Triangles

_SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@st.composite
def silhouettes(draw: st.DrawFn) -> Silhouette:
    """Hard-edged and soft ones; also with levels of exactly zero, holes, islands and corners."""
    values = draw(
        st.sampled_from(
            [
                st.sampled_from([-0.5, 0.5]),
                st.integers(-3, 3).map(lambda level: level / 4),
                st.floats(-1, 1, width=32),
            ]
        )
    )
    levels = draw(arrays(np.float32, draw(_SHAPES), elements=values))
    levels[draw(st.integers(0, levels.shape[0] - 1)), draw(st.integers(0, levels.shape[1] - 1))] = 1
    return Silhouette(levels)


@st.composite
def terrains(draw: st.DrawFn) -> Triangles:
    """Surfaces over a rectangle; the corners of their triangles are whole metres."""
    shape = draw(st.tuples(st.integers(2, 9), st.integers(2, 9)))
    heights = draw(arrays(np.float32, shape, elements=st.integers(-20, 80).map(float)))
    return terrain_from(heights, draw(st.sampled_from([0.5, 5.0, 50.0])))


def terrain_from(heights: np.ndarray, max_error_m: float) -> Triangles:
    """A surface; its pixels are 10 m wide, and (0, 0) is its middle."""
    tin = Delatin(heights, max_error=max_error_m)
    vertices = tin.vertices.astype(np.float64)
    vertices[:, 0] = (vertices[:, 0] - (heights.shape[1] - 1) / 2) * 10
    vertices[:, 1] = (vertices[:, 1] - (heights.shape[0] - 1) / 2) * 10
    return Triangles(vertices, tin.triangles.astype(np.uint32), name="terrain")


def hill(size: int = 40) -> np.ndarray:
    """A smooth hill with a hollow beside it."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    return (60 * np.exp(-4 * (x**2 + y**2)) - 30 * np.exp(-20 * (x - 0.5) ** 2)).astype(np.float32)


def image_silhouette(path: str, threshold: float | None = None) -> Silhouette:
    """The silhouette in an image file."""
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"), dtype=np.float32) / 255
        alpha = None
        if "A" in image.getbands():
            alpha = np.asarray(image.getchannel("A"), dtype=np.float32) / 255
    return silhouette_of(grey, alpha, threshold, "the image")
