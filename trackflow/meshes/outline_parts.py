"""An outline with all that belongs to it: the raised body, and its numbers."""

import numpy as np

from trackflow.errors import BadInputError
from trackflow.meshes.closed import open_reason, volume_m3
from trackflow.meshes.height_maps.encodings import brightness_of
from trackflow.meshes.height_maps.raster import Raster
from trackflow.meshes.levels import LEVEL_FACTOR
from trackflow.meshes.outline import Outline, diagonal_m, extruded, outline_of
from trackflow.meshes.parameters import OUTLINE_DETAIL, MeshKind, MeshParameters
from trackflow.meshes.parts import LEVEL_NAME, MeshParts, bounds_of
from trackflow.meshes.report import LevelReport, MeshReport, OnProgress
from trackflow.meshes.scene import Scene
from trackflow.meshes.silhouettes import Silhouette, silhouette_of
from trackflow.meshes.solid import print_scale


def outline_parts(
    raster: Raster, name: str, parameters: MeshParameters, on_progress: OnProgress
) -> MeshParts:
    """The raised outline of an image's figure.

    Args:
        raster: its pixels.
        name: of the image, for messages.
        parameters: what is asked.
        on_progress: called as the work goes on.

    Raises:
        BadInputError: the image shows no figure.
    """
    if raster.is_metres:
        raise BadInputError(f"{name} holds heights and no picture: ask for a terrain")
    alpha = None if raster.alpha is None else raster.alpha.astype(np.float32) / np.float32(255)
    silhouette = silhouette_of(brightness_of(raster), alpha, parameters.threshold, name)
    rows, columns = silhouette.levels.shape
    pixel_m = parameters.width_m / max(columns - 1, 1) if parameters.width_m else 1.0
    asked_m = parameters.max_error_m
    if asked_m is None:
        factor = parameters.detail_factor
        factor = OUTLINE_DETAIL if factor is None else factor
        asked_m = factor * diagonal_m(silhouette, pixel_m)
    on_progress(0.2, "tracing")
    outline = outline_of(silhouette, pixel_m, asked_m)
    body = extruded(outline, parameters.extrusion_m)
    scene = Scene([body], error_m=asked_m)
    levels = _coarser_levels(silhouette, outline, pixel_m, parameters.levels)
    coarser = [
        Scene([extruded(of, parameters.extrusion_m)], error_m=of.asked_error_m) for of in levels
    ]
    print_scene = None
    if parameters.solid:
        mm_per_m = print_scale(body, parameters.print_width_mm)
        print_scene = Scene([body], error_m=asked_m, mm_per_m=mm_per_m)
    reason = open_reason(body)
    report = MeshReport(
        kind=MeshKind.OUTLINE,
        vertex_count=len(body.vertices),
        triangle_count=len(body.faces),
        bounds_m=bounds_of(body),
        volume_m3=None if reason else volume_m3(body),
        crs=None,
        is_watertight=reason is None,
        open_reason=reason,
        void_count=0,
        asked_error_m=outline.asked_error_m,
        max_error_m=outline.max_error_m,
        mean_error_m=outline.mean_error_m,
        notes=(*raster.notes, *silhouette.notes),
        columns=columns,
        rows=rows,
        pixel_width_m=pixel_m,
        pixel_height_m=pixel_m,
        levels=tuple(
            LevelReport(
                LEVEL_NAME.format(number) + ".glb",
                len(shown.bodies[0].vertices),
                len(shown.bodies[0].faces),
                level.asked_error_m,
                level.max_error_m,
                level.mean_error_m,
            )
            for number, (level, shown) in enumerate(zip(levels, coarser, strict=True), start=2)
        ),
    )
    return MeshParts(scene, print_scene, tuple(coarser), report)


def _coarser_levels(
    silhouette: Silhouette, finest: Outline, pixel_m: float, levels: int
) -> list[Outline]:
    """The levels after the finest one, until one is no simpler than that before.

    Args:
        silhouette: figure and ground.
        finest: the outline of level 1.
        pixel_m: size of a pixel.
        levels: how many there are, with the finest.
    """
    found = [finest]
    while len(found) < levels:
        level = outline_of(silhouette, pixel_m, found[-1].asked_error_m * LEVEL_FACTOR)
        if len(level.points) >= len(found[-1].points):
            break
        found.append(level)
    return found[1:]
