"""Levels of detail: coarser meshes of the same terrain, for viewers that show it from afar."""

from collections.abc import Iterator

from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.terrain import Terrain, terrain_of

LEVEL_FACTOR = 4.0
"""How much larger the error of each level is; a level has about a quarter of the triangles."""


def coarser_levels(grid: HeightGrid, finest: Terrain, levels: int) -> Iterator[Terrain]:
    """The levels after the finest one, each with `LEVEL_FACTOR` times the error of the one before.

    It ends early where a level is as simple as a terrain can be. The limit of each level depends on
    nothing but the finest limit, so that neighbouring tiles meet on every level.

    Args:
        grid: finite heights.
        finest: the mesh of level 1.
        levels: how many there are, with the finest.
    """
    before = finest
    for _ in range(levels - 1):
        level = terrain_of(grid, before.asked_error_m * LEVEL_FACTOR)
        if len(level.surface.faces) >= len(before.surface.faces):
            return
        yield level
        before = level
