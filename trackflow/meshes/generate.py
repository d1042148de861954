"""One image in, all files of its mesh and a report out."""

import math
from dataclasses import dataclass

from trackflow.errors import BadInputError
from trackflow.meshes.images import kind_of, read_raster
from trackflow.meshes.outline_parts import outline_parts
from trackflow.meshes.parameters import MeshKind, MeshParameters
from trackflow.meshes.parts import LEVEL_NAME, MeshParts
from trackflow.meshes.report import MeshCost, MeshReport, OnProgress
from trackflow.meshes.terrain_parts import terrain_parts
from trackflow.meshes.thumbnail import thumbnail_of
from trackflow.meshes.track_parts import TrackLines, with_tracks
from trackflow.meshes.writing import WRITERS

_LARGEST = 1e6
"""Of heights in metres and of their factor: far beyond it, 32 bits hold no heights."""

GENERATOR_VERSION = "3"
"""Part of what makes a mesh stale: raise it when the same image would give other triangles."""


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedMesh:
    """The files of a mesh by name (`mesh.glb`, `thumbnail.png`, …), its report and its cost.

    The cost is None where it was not measured.
    """

    files: dict[str, bytes]
    report: MeshReport
    cost: MeshCost | None = None


def generate(
    image: bytes,
    name: str,
    parameters: MeshParameters,
    on_progress: OnProgress = lambda _share, _step: None,
    tracks: TrackLines | None = None,
) -> GeneratedMesh:
    """Make a mesh.

    Args:
        image: a file of any supported format; it is told from its content.
        name: its name, for messages.
        parameters: what is asked.
        on_progress: called with the done share (0 to 1) and the step that begins.
        tracks: lines to show on a terrain.

    Raises:
        BadInputError: the image cannot be read, or its values make no sense as heights.
    """
    _check(parameters)
    on_progress(0.0, "reading")
    raster = read_raster(image, name)
    kind = parameters.kind or kind_of(raster)
    parts_of = terrain_parts if kind == MeshKind.TERRAIN else outline_parts
    parts = parts_of(raster, name, parameters, on_progress)
    if tracks is not None:
        parts = with_tracks(parts, tracks)
    return GeneratedMesh(_files(parts, parameters, on_progress), parts.report)


def _check(parameters: MeshParameters) -> None:
    makes_sense = {
        "max_error_m": parameters.max_error_m is None or 0 <= parameters.max_error_m < math.inf,
        "detail_factor": parameters.detail_factor is None or 0 <= parameters.detail_factor <= 1,
        "width_m": parameters.width_m is None or 0 < parameters.width_m < math.inf,
        "vertical_scale": 0 < parameters.vertical_scale <= _LARGEST,
        "low_m": abs(parameters.low_m) <= _LARGEST,
        "high_m": parameters.low_m <= parameters.high_m <= _LARGEST,
        "levels": parameters.levels >= 1,
        "extrusion_m": 0 < parameters.extrusion_m < math.inf,
        "threshold": parameters.threshold is None or 0 <= parameters.threshold <= 1,
        "base_mm": 0 < parameters.base_mm < math.inf,
        "base_height_m": parameters.base_height_m is None
        or math.isfinite(parameters.base_height_m),
        "print_width_mm": 0 < parameters.print_width_mm < math.inf,
    }
    for name, is_good in makes_sense.items():
        if not is_good:
            value = getattr(parameters, name)
            raise BadInputError(f"{name} makes no sense as {value:g}: see docs/meshes.md")


def _files(
    parts: MeshParts, parameters: MeshParameters, on_progress: OnProgress
) -> dict[str, bytes]:
    on_progress(0.6, "writing")
    files = {}
    for name, writer in WRITERS.items():
        scene = parts.print_scene if writer.IS_FOR_PRINTING else parts.scene
        is_asked = {"obj": parameters.obj, "draco": parameters.draco}.get(name, True)
        if scene is not None and is_asked:
            files["mesh" + writer.ENDING] = writer.write(scene)
    for number, level in enumerate(parts.levels, start=2):
        files[LEVEL_NAME.format(number) + ".glb"] = WRITERS["glb"].write(level)
    if parameters.thumbnail:
        on_progress(0.9, "drawing")
        files["thumbnail.png"] = thumbnail_of(parts.scene.bodies)
    return files
