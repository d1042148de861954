"""A terrain with all that belongs to it: texture, levels of detail, solid, numbers."""

from trackflow.meshes.closed import open_reason, volume_m3
from trackflow.meshes.height_maps.raster import Raster
from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.images import grid_of
from trackflow.meshes.levels import coarser_levels
from trackflow.meshes.parameters import TERRAIN_DETAIL, MeshKind, MeshParameters, TextureKind
from trackflow.meshes.parts import LEVEL_NAME, MeshParts, bounds_of
from trackflow.meshes.report import LevelReport, MeshReport, OnProgress
from trackflow.meshes.scene import Scene
from trackflow.meshes.solid import print_scale, solid_of, underside_of
from trackflow.meshes.terrain import Terrain, terrain_of
from trackflow.meshes.textures import texture_png

_OPEN = "a terrain is a surface: ask for a solid to print it"


def terrain_parts(
    raster: Raster, name: str, parameters: MeshParameters, on_progress: OnProgress
) -> MeshParts:
    """The terrain of an image.

    Args:
        raster: its pixels.
        name: of the image, for messages.
        parameters: what is asked.
        on_progress: called as the work goes on.

    Raises:
        BadInputError: the pixels are no heights, or a parameter does not fit them.
    """
    grid = grid_of(raster, name, parameters)
    on_progress(0.2, "triangulating")
    terrain = terrain_of(grid, asked_error_m(grid, parameters))
    levels = list(coarser_levels(grid, terrain, parameters.levels))
    texture = texture_png(parameters.texture, raster, grid)
    print_scene = _print_scene(grid, terrain, parameters) if parameters.solid else None
    scene, *coarser = (
        Scene([of.surface], grid.georeference, texture, of.asked_error_m)
        for of in (terrain, *levels)
    )
    notes = list(grid.notes)
    if parameters.texture == TextureKind.IMAGE and raster.is_metres:
        notes.append("the image has heights and no colours: its texture is light and shadow")
    report = _report(grid, terrain, print_scene, levels, notes)
    return MeshParts(scene, print_scene, tuple(coarser), report)


def asked_error_m(grid: HeightGrid, parameters: MeshParameters) -> float:
    """How far a terrain may lie from any pixel, after the vertical scale."""
    if parameters.max_error_m is not None:
        return parameters.max_error_m
    factor = parameters.detail_factor
    low_m, high_m = grid.range_m
    return (TERRAIN_DETAIL if factor is None else factor) * (high_m - low_m)


def _print_scene(grid: HeightGrid, terrain: Terrain, parameters: MeshParameters) -> Scene:
    mm_per_m = print_scale(terrain.surface, parameters.print_width_mm)
    underside_m = underside_of(
        terrain.surface, parameters.base_mm, mm_per_m, parameters.base_height_m
    )
    body = solid_of(terrain.surface, underside_m)
    return Scene([body], grid.georeference, None, terrain.asked_error_m, mm_per_m)


def _report(
    grid: HeightGrid,
    terrain: Terrain,
    print_scene: Scene | None,
    levels: list[Terrain],
    notes: list[str],
) -> MeshReport:
    """The numbers of a terrain.

    Args:
        grid: its heights.
        terrain: the finest mesh.
        print_scene: its closed body; None where none is asked for.
        levels: coarser meshes.
        notes: what was assumed.
    """
    surface, (rows, columns) = terrain.surface, grid.heights_m.shape
    solid = print_scene.bodies[0] if print_scene else None
    reason = open_reason(solid) if solid else _OPEN
    return MeshReport(
        kind=MeshKind.TERRAIN,
        vertex_count=len(surface.vertices),
        triangle_count=len(surface.faces),
        bounds_m=bounds_of(surface),
        volume_m3=volume_m3(solid) if solid and reason is None else None,
        crs=grid.georeference.crs if grid.georeference else None,
        is_watertight=reason is None,
        open_reason=reason,
        void_count=grid.void_count,
        asked_error_m=terrain.asked_error_m,
        max_error_m=terrain.error.max_m,
        mean_error_m=terrain.error.mean_m,
        notes=tuple(notes),
        columns=columns,
        rows=rows,
        pixel_width_m=grid.pixel_width_m,
        pixel_height_m=grid.pixel_height_m,
        levels=tuple(_level_report(level, n) for n, level in enumerate(levels, start=2)),
    )


def _level_report(level: Terrain, number: int) -> LevelReport:
    return LevelReport(
        LEVEL_NAME.format(number) + ".glb",
        len(level.surface.vertices),
        len(level.surface.faces),
        level.asked_error_m,
        level.error.max_m,
        level.error.mean_m,
    )
