"""OBJ, for programs that read nothing newer: metres, Z up, one object per body."""

from trackflow.meshes.scene import Scene
from trackflow.meshes.triangles import Triangles

ENDING = ".obj"
IS_FOR_PRINTING = False


def write(scene: Scene) -> bytes:
    """A file with one object per body."""
    parts = ["# trackflow: metres, x east, y north, z up\n"]
    vertex_count = uv_count = normal_count = 0
    for body in scene.bodies:
        parts.append(_object(body, vertex_count, uv_count, normal_count))
        vertex_count += len(body.vertices)
        uv_count += 0 if body.uv is None else len(body.uv)
        normal_count += 0 if body.normals is None else len(body.normals)
    return "".join(parts).encode()


def _object(body: Triangles, vertices: int, uvs: int, normals: int) -> str:
    """A body's lines.

    Args:
        body: the body.
        vertices: vertices in the file before it; OBJ counts through all objects, from 1.
        uvs: places on a texture before it.
        normals: normals before it.
    """
    lines = [f"o {body.name}\n"]
    lines += [f"v {x:.9g} {y:.9g} {z:.9g}\n" for x, y, z in body.vertices.tolist()]
    if body.uv is not None:  # (0, 0) is the lower left corner here
        lines += [f"vt {u:.7g} {1 - v:.7g}\n" for u, v in body.uv.tolist()]
    if body.normals is not None:
        lines += [f"vn {x:.6g} {y:.6g} {z:.6g}\n" for x, y, z in body.normals.tolist()]

    def corner(index: int) -> str:
        uv = "" if body.uv is None else str(uvs + index + 1)
        normal = "" if body.normals is None else str(normals + index + 1)
        return f"{vertices + index + 1}/{uv}/{normal}".rstrip("/")

    corners = [corner(index) for index in range(len(body.vertices))]
    lines += [f"f {corners[a]} {corners[b]} {corners[c]}\n" for a, b, c in body.faces.tolist()]
    return "".join(lines)
