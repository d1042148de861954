"""How far a mesh lies from heights, by a way of its own: triangle by triangle, in metres."""

import io

import numpy as np
import trimesh
from numpy.typing import NDArray


def read_glb(file: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices (x east, y north, z up) and faces of a GLB file, as another program reads it."""
    mesh = trimesh.load(io.BytesIO(file), file_type="glb", force="mesh", process=False)
    x, y_up, z = np.asarray(mesh.vertices, dtype=np.float64).T
    return np.column_stack([x, -z, y_up]), np.asarray(mesh.faces, dtype=np.int64)


def errors_m(vertices, faces, heights, pixel_width_m, pixel_height_m):
    """The distance at each pixel; NaN where no triangle lies over it."""
    rows, columns = heights.shape
    column = vertices[:, 0] / pixel_width_m + (columns - 1) / 2
    row = (rows - 1) / 2 - vertices[:, 1] / pixel_height_m
    found = np.full(heights.shape, np.nan)
    for a, b, c in faces:
        r, k, z = row[[a, b, c]], column[[a, b, c]], vertices[[a, b, c], 2]
        top, left = int(np.ceil(r.min() - 1e-3)), int(np.ceil(k.min() - 1e-3))
        under_r, under_k = np.mgrid[
            top : int(np.floor(r.max() + 1e-3)) + 1, left : int(np.floor(k.max() + 1e-3)) + 1
        ]
        double = (k[1] - k[0]) * (r[2] - r[0]) - (k[2] - k[0]) * (r[1] - r[0])
        second = ((under_k - k[0]) * (r[2] - r[0]) - (k[2] - k[0]) * (under_r - r[0])) / double
        third = ((k[1] - k[0]) * (under_r - r[0]) - (under_k - k[0]) * (r[1] - r[0])) / double
        inside = (second > -1e-3) & (third > -1e-3) & (second + third < 1 + 1e-3)
        surface = z[0] + second * (z[1] - z[0]) + third * (z[2] - z[0])
        at = under_r[inside], under_k[inside]
        # a pixel on the side of two triangles belongs to both
        off = np.abs(surface[inside] - heights[at])
        found[at] = np.fmin(found[at], off)
    return found
