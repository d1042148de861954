"""One image in, all files of its mesh and a report out."""

from dataclasses import dataclass

from trackflow.meshes.images import kind_of, read_raster
from trackflow.meshes.outline_parts import outline_parts
from trackflow.meshes.parameter_checks import check_bounds
from trackflow.meshes.parameters import MeshKind, MeshParameters
from trackflow.meshes.parts import LEVEL_NAME, MeshParts
from trackflow.meshes.report import MeshCost, MeshReport, OnProgress
from trackflow.meshes.terrain_parts import terrain_parts
from trackflow.meshes.thumbnail import thumbnail_of
from trackflow.meshes.track_parts import with_tracks
from trackflow.meshes.writing import WRITERS

GENERATOR_VERSION = "5"
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
) -> GeneratedMesh:
    """Make a mesh.

    Args:
        image: a file of any supported format, which is recognised by its content.
        name: its name, for messages.
        parameters: what is asked.
        on_progress: called with the done share (0 to 1) and the step that begins.

    Raises:
        BadInputError: the image cannot be read, or its values make no sense as heights.
    """
    check_bounds(parameters)
    on_progress(0.0, "reading")
    raster = read_raster(image, name)
    kind = parameters.kind or kind_of(raster)
    parts_of = terrain_parts if kind == MeshKind.TERRAIN else outline_parts
    parts = parts_of(raster, name, parameters, on_progress)
    if parameters.tracks:
        parts = with_tracks(parts, parameters)
    return GeneratedMesh(_files(parts, parameters, on_progress), parts.report)


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
