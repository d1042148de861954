"""Triangles: the shape that every kind of mesh has and that every file format writes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Vertices = NDArray[np.float64]
type Faces = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, eq=False)
class Triangles:
    """One body or surface.

    Attributes:
        vertices: x to the east, y to the north, z up, metres from the mesh's origin; shape (n, 3).
        faces: three vertices each, counter-clockwise as seen from outside; shape (m, 3).
        normals: unit vectors per vertex, shape (n, 3); None: each triangle has a flat shade.
        uv: place of each vertex on the texture, (0, 0) its upper left corner; shape (n, 2).
        name: what it shows, such as "terrain" or "track".
    """

    vertices: Vertices
    faces: Faces
    normals: NDArray[np.float32] | None = None
    uv: NDArray[np.float32] | None = None
    name: str = "mesh"
