"""The slope of a grid: normals for the mesh's shading, and a picture of light and shadow."""

import numpy as np
from numpy.typing import NDArray

from trackflow.meshes.heights import HeightGrid

type _Floats = NDArray[np.float32]

_LIGHT_AZIMUTH_DEG, _LIGHT_ALTITUDE_DEG = 315.0, 45.0
"""From the north-west, as maps have it: with light from below, valleys look like ridges."""

_SHADE = 0.25
"""Grey of what the light does not reach."""


def normals_at(grid: HeightGrid, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> _Floats:
    """Unit vectors that stand on the slope at pixels, from their neighbours' heights.

    Args:
        grid: finite heights.
        rows: of the pixels, shape (n,).
        columns: of the pixels, shape (n,).

    Returns:
        x to the east, y to the north, z up; shape (n, 3).
    """
    heights_m = grid.heights_m
    north, south = np.maximum(rows - 1, 0), np.minimum(rows + 1, heights_m.shape[0] - 1)
    west, east = np.maximum(columns - 1, 0), np.minimum(columns + 1, heights_m.shape[1] - 1)
    normals = np.empty((len(rows), 3), dtype=np.float32)
    run_m = (east - west) * grid.pixel_width_m
    normals[:, 0] = (heights_m[rows, west] - heights_m[rows, east]) / run_m
    run_m = (south - north) * grid.pixel_height_m
    normals[:, 1] = (heights_m[south, columns] - heights_m[north, columns]) / run_m
    normals[:, 2] = 1.0
    normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, np.newaxis]
    return normals


def hillshade_of(grid: HeightGrid) -> NDArray[np.uint8]:
    """The grid as grey light and shadow, shape (rows, columns).

    Lambert's cosine law with one light, as in Horn, "Hill Shading and the Reflectance Map", 1981.
    """
    to_south, to_east = np.gradient(grid.heights_m, grid.pixel_height_m, grid.pixel_width_m)
    azimuth, altitude = np.radians([_LIGHT_AZIMUTH_DEG, _LIGHT_ALTITUDE_DEG])
    east, north = np.cos(altitude) * np.sin(azimuth), np.cos(altitude) * np.cos(azimuth)
    light = north * to_south - east * to_east + np.sin(altitude)
    light /= np.sqrt(1 + to_south**2 + to_east**2)
    grey = _SHADE + (1 - _SHADE) * np.clip(light, 0, 1)
    shade: NDArray[np.uint8] = np.round(grey * 255).astype(np.uint8)
    return shade
