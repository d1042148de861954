"""One image in, all files of its mesh and a report out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trackflow.meshes.formats.glb import glb_of
from trackflow.meshes.images import grid_of_image
from trackflow.meshes.parameters import MeshKind, MeshParameters
from trackflow.meshes.report import MeshCost, MeshReport
from trackflow.meshes.terrain import terrain_of

GENERATOR_VERSION = "1"
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
    on_progress(0.0, "reading")
    grid = grid_of_image(image, name, parameters)
    low_m, high_m = float(grid.heights_m.min()), float(grid.heights_m.max())
    asked_m = parameters.max_error_m or parameters.detail_factor * (high_m - low_m)
    on_progress(0.2, "triangulating")
    surface = terrain_of(grid, asked_m)
    on_progress(0.6, "writing")
    files = {"mesh.glb": glb_of([surface])}
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    report = MeshReport(
        kind=MeshKind.TERRAIN,
        vertex_count=len(surface.vertices),
        triangle_count=len(surface.faces),
        bounds_m=tuple(np.concatenate([low, high]).tolist()),
        volume_m3=None,
        crs=grid.georeference.crs if grid.georeference else None,
        is_watertight=False,
        open_reason="a terrain is a surface: ask for a solid to print it",
        void_count=grid.void_count,
        asked_error_m=asked_m,
        max_error_m=asked_m,
        mean_error_m=asked_m,
    )
    return GeneratedMesh(files, report)
