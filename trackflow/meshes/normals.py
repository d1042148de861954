"""Which way triangles face."""

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.triangles import Triangles


def face_vectors(body: Triangles) -> NDArray[np.float64]:
    """A vector along each triangle's normal, twice as long as the triangle is large."""
    corners = body.vertices[body.faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
