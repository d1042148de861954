"""What is made of one image, before any file is written."""

from dataclasses import dataclass

from trackflow.meshes.report import MeshReport
from trackflow.meshes.scene import Scene
from trackflow.meshes.triangles import Triangles, extent_of

LEVEL_NAME = "level-{}"
"""Of the files of a level of detail, without their ending; the mesh itself is level 1."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshParts:
    """A mesh, what belongs to it, and its numbers.

    Attributes:
        scene: the mesh as viewers show it.
        print_scene: closed bodies for a printer; None where none are asked for.
        levels: coarser meshes, the finest first.
        report: the numbers.
    """

    scene: Scene
    print_scene: Scene | None
    levels: tuple[Scene, ...]
    report: MeshReport


def bounds_of(body: Triangles) -> tuple[float, float, float, float, float, float]:
    """Lowest and highest x, y, z, metres."""
    (x0, y0, z0), (x1, y1, z1) = extent_of(body.vertices)
    return x0, y0, z0, x1, y1, z1
