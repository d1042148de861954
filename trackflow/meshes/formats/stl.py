"""STL, binary, for printing: millimetres, Z up, the lowest corner at the origin."""

import numpy as np

from trackflow.meshes.closed import union_of
from trackflow.meshes.normals import face_vectors
from trackflow.meshes.printing import in_millimetres
from trackflow.meshes.scene import Scene

ENDING = ".stl"
IS_FOR_PRINTING = True

_TRIANGLE = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
_HEADER_BYTES = 80


def write(scene: Scene) -> bytes:
    """A file with what all bodies fill together: STL knows one body only."""
    bodies = in_millimetres(scene)
    body = bodies[0] if len(bodies) == 1 else union_of(*bodies)
    triangles = np.zeros(len(body.faces), dtype=_TRIANGLE)
    vectors = face_vectors(body)
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-300)
    triangles["normal"] = vectors / lengths[:, None]
    triangles["corners"] = body.vertices[body.faces]
    # some readers take a file that begins with "solid" for text
    header = b"trackflow, binary STL, millimetres".ljust(_HEADER_BYTES, b"\0")
    return b"".join([header, len(triangles).to_bytes(4, "little"), triangles.tobytes()])
