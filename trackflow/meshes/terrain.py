"""A terrain: the fewest triangles that lie close enough to every pixel's height.

The triangles come from Delatin (Garland and Heckbert, "Fast Polygonal Approximation of Terrains
and Height Fields", 1995): it adds the worst pixel to a Delaunay triangulation until none is off by
more than the limit.
"""

import numpy as np
from pydelatin import Delatin

from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.triangles import Triangles


def terrain_of(grid: HeightGrid, max_error_m: float) -> Triangles:
    """The surface of a grid without voids, its origin in the middle of the grid.

    Args:
        grid: finite heights.
        max_error_m: how far the surface may lie above or below any pixel.
    """
    rows, columns = grid.heights_m.shape
    tin = Delatin(grid.heights_m, max_error=max_error_m)
    vertices = tin.vertices.astype(np.float64)  # x to the east, y to the north, in pixels
    vertices[:, 0] = (vertices[:, 0] - (columns - 1) / 2) * grid.pixel_width_m
    vertices[:, 1] = (vertices[:, 1] - (rows - 1) / 2) * grid.pixel_height_m
    return Triangles(vertices, tin.triangles.astype(np.uint32), name="terrain")
