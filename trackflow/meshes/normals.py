"""Normals: which way a surface faces at each vertex, for smooth shading."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.triangles import Triangles


def face_vectors(body: Triangles) -> NDArray[np.float64]:
    """A vector along each triangle's normal, twice as long as the triangle is large."""
    corners = body.vertices[body.faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def with_smooth_normals(surface: Triangles) -> Triangles:
    """The same with a normal per vertex: the mean of its triangles', by their area."""
    vectors = face_vectors(surface)
    count = len(surface.vertices)
    normals = np.empty((count, 3))
    corners = surface.faces.ravel()
    for axis in range(3):
        weights = np.repeat(vectors[:, axis], 3)
        normals[:, axis] = np.bincount(corners, weights=weights, minlength=count)
    lengths = np.linalg.norm(normals, axis=1)
    normals[lengths == 0] = (0, 0, 1)
    lengths[lengths == 0] = 1
    return dataclasses.replace(surface, normals=(normals / lengths[:, None]).astype(np.float32))
