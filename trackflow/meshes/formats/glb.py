"""GLB (glTF 2.0 in one binary file): metres, Y up, as viewers expect."""

from collections.abc import Sequence

import numpy as np
import trimesh

from trackflow.meshes.triangles import Triangles

_Z_UP_TO_Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float64)


def glb_of(bodies: Sequence[Triangles]) -> bytes:
    """A file with one mesh per body."""
    scene = trimesh.Scene()
    for body in bodies:
        mesh = trimesh.Trimesh(
            body.vertices @ _Z_UP_TO_Y_UP.T, body.faces, vertex_normals=body.normals, process=False
        )
        scene.add_geometry(mesh, geom_name=body.name)
    # trimesh has annotations in parts only
    return bytes(scene.export(file_type="glb", include_normals=True))  # type: ignore[no-untyped-call]
