"""Bodies as printers want them: millimetres, in the corner of the print bed."""

import dataclasses

import numpy as np

from trackflow.meshes.scene import Scene
from trackflow.meshes.triangles import Triangles


def in_millimetres(scene: Scene) -> list[Triangles]:
    """The bodies in millimetres, the lowest corner of all at the origin.

    Printers take what lies below or beside their bed for a mistake.
    """
    corner = np.min([body.vertices.min(axis=0) for body in scene.bodies], axis=0)
    return [
        dataclasses.replace(body, vertices=(body.vertices - corner) * scene.mm_per_m)
        for body in scene.bodies
    ]
