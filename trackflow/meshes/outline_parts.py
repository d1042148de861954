"""An outline with all that belongs to it: the raised body, and its numbers."""

import numpy as np

from trackflow.errors import BadInputError
from trackflow.meshes.closed import open_reason, volume_m3
from trackflow.meshes.height_maps.encodings import brightness_of
from trackflow.meshes.height_maps.raster import Raster
from trackflow.meshes.outline import diagonal_m, extruded, outline_of
from trackflow.meshes.parameters import MeshKind, MeshParameters
from trackflow.meshes.parts import MeshParts, bounds_of
from trackflow.meshes.report import MeshReport, OnProgress
from trackflow.meshes.scene import Scene
from trackflow.meshes.silhouettes import silhouette_of
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
        asked_m = parameters.detail_factor * diagonal_m(silhouette, pixel_m)
    on_progress(0.2, "tracing")
    outline = outline_of(silhouette, pixel_m, asked_m)
    body = extruded(outline, parameters.extrusion_m)
    scene = Scene([body], error_m=asked_m)
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
    )
    return MeshParts(scene, print_scene, (), report)
