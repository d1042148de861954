"""Whether a body is closed, and what closed bodies allow: a volume, and cutting one by another."""

import manifold3d
import numpy as np

from trackflow.errors import BadInputError
from trackflow.meshes.triangles import Triangles


def open_reason(body: Triangles) -> str | None:
    """Why a body is not watertight; None where it is.

    In a watertight body each side of a triangle is a side of exactly one other triangle, in the
    other direction.
    """
    if not len(body.faces):
        return "it has no triangles"
    faces = body.faces.astype(np.int64)
    count = len(body.vertices)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    sides, reverse = np.sort(start * count + end), np.sort(end * count + start)
    doubled = np.count_nonzero(sides[1:] == sides[:-1])
    if doubled:
        return f"{doubled} sides belong to several triangles that face the same way"
    if not np.array_equal(sides, reverse):
        lone = len(np.setdiff1d(sides, reverse, assume_unique=True))
        return f"{lone} sides belong to one triangle only"
    if volume_m3(body) <= 0:
        return "its triangles face inwards"
    return None


def volume_m3(body: Triangles) -> float:
    """The volume of a closed body."""
    corners = (body.vertices - body.vertices.mean(axis=0))[body.faces]
    spans = np.cross(corners[:, 1], corners[:, 2])
    return float(np.einsum("ij,ij->", corners[:, 0], spans) / 6)


def manifold_of(body: Triangles) -> manifold3d.Manifold:
    """A closed body as the library takes it that cuts bodies by bodies.

    Raises:
        BadInputError: the body is not closed.
    """
    mesh = manifold3d.Mesh64(
        np.ascontiguousarray(body.vertices, dtype=np.float64), body.faces.astype(np.uint64)
    )
    manifold = manifold3d.Manifold(mesh)
    if manifold.status() != manifold3d.Error.NoError:
        reason = open_reason(body) or manifold.status().name
        raise BadInputError(f"{body.name} is no closed body: {reason}")
    return manifold


def body_of(manifold: manifold3d.Manifold, name: str) -> Triangles:
    """The triangles of a body that was cut."""
    mesh = manifold.to_mesh64()
    return Triangles(
        np.array(mesh.vert_properties[:, :3], dtype=np.float64),
        np.array(mesh.tri_verts, dtype=np.uint32),
        name=name,
    )


def union_of(first: Triangles, *others: Triangles) -> Triangles:
    """One closed body that fills what any of several closed bodies fills."""
    bodies = [manifold_of(body) for body in (first, *others)]
    union = manifold3d.Manifold.batch_boolean(bodies, manifold3d.OpType.Add)
    return body_of(union, first.name)
