"""GLB (glTF 2.0 in one binary file): metres, Y up, as viewers expect."""

from trackflow.meshes.gltf import Gltf, arrays_of
from trackflow.meshes.scene import Scene

ENDING = ".glb"
IS_FOR_PRINTING = False


def write(scene: Scene) -> bytes:
    """A file with one mesh per body."""
    gltf = Gltf(scene)
    for body in gltf.bodies:
        gltf.add_mesh(body, arrays_of(body), extensions={})
    return gltf.to_glb()
