"""One image in, all files of its mesh and a report out."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trackflow.errors import BadInputError
from trackflow.meshes.formats.glb import glb_of
from trackflow.meshes.height_maps.raster import Raster
from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.images import grid_of, read_raster
from trackflow.meshes.levels import coarser_levels
from trackflow.meshes.parameters import MeshKind, MeshParameters
from trackflow.meshes.report import LevelReport, MeshReport
from trackflow.meshes.terrain import Terrain, measured_terrain

GENERATOR_VERSION = "2"
"""Part of what makes a mesh stale: raise it when the same image would give other triangles."""

type _OnProgress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedMesh:
    """The files of a mesh by name (`mesh.glb`, `thumbnail.png`, …), and its report."""

    files: dict[str, bytes]
    report: MeshReport


def generate(
    image: bytes,
    name: str,
    parameters: MeshParameters,
    on_progress: Callable[[float, str], None] = lambda _share, _step: None,
) -> GeneratedMesh:
    """Make a mesh.

    Args:
        image: a file of any supported format; it is told from its content.
        name: its name, for messages.
        parameters: what is asked.
        on_progress: called with the done share (0 to 1) and the step that begins.

    Raises:
        BadInputError: the image cannot be read, or its values make no sense as heights.
    """
    _check(parameters)
    on_progress(0.0, "reading")
    raster = read_raster(image, name)
    return _terrain_mesh(raster, name, parameters, on_progress)


def _check(parameters: MeshParameters) -> None:
    limits = {
        "max_error_m": parameters.max_error_m is None or parameters.max_error_m >= 0,
        "detail_factor": 0 <= parameters.detail_factor <= 1,
        "width_m": parameters.width_m is None or 0 < parameters.width_m < math.inf,
        "vertical_scale": 0 < parameters.vertical_scale < math.inf,
        "low_m and high_m": parameters.low_m <= parameters.high_m < math.inf,
        "levels": parameters.levels >= 1,
    }
    for name, makes_sense in limits.items():
        if not makes_sense:
            raise BadInputError(f"{name} makes no sense with this value: see the parameters' list")


def _terrain_mesh(
    raster: Raster, name: str, parameters: MeshParameters, on_progress: _OnProgress
) -> GeneratedMesh:
    grid = grid_of(raster, name, parameters)
    on_progress(0.2, "triangulating")
    terrain = measured_terrain(grid, asked_error_m(grid, parameters))
    on_progress(0.6, "writing")
    files = {"mesh.glb": glb_of([terrain.surface])}
    levels = []
    for number, level in enumerate(coarser_levels(grid, terrain, parameters.levels), start=2):
        file = f"level-{number}.glb"
        files[file] = glb_of([level.surface])
        levels.append(_level_report(level, file))
    return GeneratedMesh(files, _terrain_report(grid, terrain, tuple(levels)))


def asked_error_m(grid: HeightGrid, parameters: MeshParameters) -> float:
    """How far a terrain may lie from any pixel, after the vertical scale."""
    if parameters.max_error_m is not None:
        return parameters.max_error_m
    low_m, high_m = grid.range_m
    return parameters.detail_factor * (high_m - low_m)


def _level_report(level: Terrain, file: str) -> LevelReport:
    return LevelReport(
        file,
        len(level.surface.vertices),
        len(level.surface.faces),
        level.asked_error_m,
        level.error.max_m,
        level.error.mean_m,
    )


def _terrain_report(
    grid: HeightGrid, terrain: Terrain, levels: tuple[LevelReport, ...]
) -> MeshReport:
    surface = terrain.surface
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    rows, columns = grid.heights_m.shape
    return MeshReport(
        kind=MeshKind.TERRAIN,
        vertex_count=len(surface.vertices),
        triangle_count=len(surface.faces),
        bounds_m=tuple(np.concatenate([low, high]).tolist()),
        volume_m3=None,
        crs=grid.georeference.crs if grid.georeference else None,
        is_watertight=False,
        open_reason="a terrain is a surface: ask for a solid to print it",
        void_count=grid.void_count,
        asked_error_m=terrain.asked_error_m,
        max_error_m=terrain.error.max_m,
        mean_error_m=terrain.error.mean_m,
        notes=grid.notes,
        columns=columns,
        rows=rows,
        pixel_width_m=grid.pixel_width_m,
        pixel_height_m=grid.pixel_height_m,
        levels=levels,
    )
