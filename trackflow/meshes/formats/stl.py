"""STL, binary, for printing: millimetres, Z up, the lowest corner at the origin."""

import numpy as np

from trackflow.meshes.normals import face_vectors
from trackflow.meshes.printing import in_millimetres
from trackflow.meshes.scene import Scene

ENDING = ".stl"
MEDIA_TYPE = "model/stl"
IS_FOR_PRINTING = True

_TRIANGLE = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
_HEADER_BYTES = 80


def write(scene: Scene) -> bytes:
    """A file with the triangles of all bodies; STL knows no bodies."""
    parts = []
    for body in in_millimetres(scene):
        triangles = np.zeros(len(body.faces), dtype=_TRIANGLE)
        vectors = face_vectors(body)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-300)
        triangles["normal"] = vectors / lengths[:, None]
        triangles["corners"] = body.vertices[body.faces]
        parts.append(triangles.tobytes())
    count = sum(len(part) for part in parts) // _TRIANGLE.itemsize
    # some readers take a file that begins with "solid" for text
    header = b"trackflow, binary STL, millimetres".ljust(_HEADER_BYTES, b"\0")
    return b"".join([header, count.to_bytes(4, "little"), *parts])
