"""Scenes to write."""

import dataclasses
import io
import json
from typing import Any

import numpy as np
import trimesh
from hypothesis import strategies as st
from PIL import Image

from trackflow.meshes.drape import ribbon_on
from trackflow.meshes.heights import Georeference
from trackflow.meshes.outline import extruded, outline_of
from trackflow.meshes.scene import Scene
from trackflow.meshes.solid import solid_of
from trackflow.meshes.triangles import Triangles
from trackflow_tests.meshes.shapes import hill, silhouettes, terrain_from, terrains

PLACE = Georeference("EPSG:32632", 400_000, 5_000_000, 400_400, 5_000_400, 7.726, 45.149)


def with_smooth_normals(surface: Triangles) -> Triangles:
    """The same with normals."""
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    return dataclasses.replace(surface, normals=mesh.vertex_normals.astype(np.float32))


def picture() -> bytes:
    """A small texture."""
    file = io.BytesIO()
    Image.fromarray(np.arange(30 * 50 * 3, dtype=np.uint8).reshape(30, 50, 3)).save(file, "PNG")
    return file.getvalue()


def textured_terrain() -> Triangles:
    """A hill with normals and with places on a texture."""
    surface = with_smooth_normals(terrain_from(hill(), 1.0))
    low, high = surface.vertices.min(axis=0), surface.vertices.max(axis=0)
    uv = (surface.vertices[:, :2] - low[:2]) / (high - low)[:2]
    uv[:, 1] = 1 - uv[:, 1]
    return Triangles(
        surface.vertices, surface.faces, surface.normals, uv.astype(np.float32), "terrain"
    )


def hill_with_track(*, textured: bool = True) -> Scene:
    """A textured terrain with a track on it."""
    surface = textured_terrain()
    ribbon = ribbon_on(surface, [np.array([[-150.0, -150.0], [150.0, 100.0]])], 12.0, 4.0)
    assert ribbon is not None
    return Scene([surface, ribbon], PLACE, picture() if textured else None, error_m=1.0)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Terrains, with normals or without, and closed bodies; one or two."""
    kinds = st.one_of(
        terrains(),
        terrains().map(with_smooth_normals),
        silhouettes().map(lambda found: extruded(outline_of(found, 2.0, 1.0), 5.0)),
    )
    bodies = draw(st.lists(kinds, min_size=1, max_size=2))
    error_m = draw(st.sampled_from([0.0, 0.01, 1.0, 20.0]))
    return Scene(bodies, draw(st.sampled_from([None, PLACE])), error_m=error_m)


@st.composite
def prints(draw: st.DrawFn) -> Scene:
    """Closed bodies with a scale."""
    kinds = st.one_of(
        terrains().map(lambda surface: solid_of(surface, -25.0)),
        silhouettes().map(lambda found: extruded(outline_of(found, 2.0, 1.0), 5.0)),
    )
    bodies = draw(st.lists(kinds, min_size=1, max_size=2))
    beside = [
        Triangles(body.vertices + np.array([1000 * number, 0, 0]), body.faces, name=body.name)
        for number, body in enumerate(bodies)
    ]
    return Scene(beside, mm_per_m=draw(st.sampled_from([0.01, 0.5, 20.0])))


def document_of(glb: bytes) -> dict[str, Any]:
    """The JSON of a GLB file."""
    length = int.from_bytes(glb[12:16], "little")
    document: dict[str, Any] = json.loads(glb[20 : 20 + length])
    return document


def y_up(vertices: np.ndarray) -> np.ndarray:
    """East, north, up as east, up, south."""
    return vertices[:, [0, 2, 1]] * [1, 1, -1]
