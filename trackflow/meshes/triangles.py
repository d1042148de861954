"""Triangles: the shape that every kind of mesh has and that every file format writes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

type Vertices = NDArray[np.float64]
type Faces = NDArray[np.uint32]


def extent_of(points: NDArray[np.floating[Any]]) -> tuple[list[float], list[float]]:
    """The lowest and the highest value of each column; shape (n, 3).

    Column by column: along the rows of so narrow an array, numpy takes ten times as long.
    """
    columns = [points[:, k] for k in range(points.shape[1])]
    return [float(of.min()) for of in columns], [float(of.max()) for of in columns]


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
