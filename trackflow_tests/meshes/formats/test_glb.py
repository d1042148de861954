import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings

from trackflow.meshes.formats import glb
from trackflow.meshes.outline import extruded, outline_of
from trackflow.meshes.scene import Scene
from trackflow.meshes.silhouettes import Silhouette
from trackflow_tests.meshes.formats.scenes import (
    document_of,
    hill_with_track,
    scenes,
    textured_terrain,
    y_up,
)
from trackflow_tests.meshes.gltf_validator import assert_valid
from trackflow_tests.meshes.shapes import hill

# a remark: before WebGL 2, pictures of such sizes were scaled
ODD_SIZES = frozenset({"IMAGE_NPOT_DIMENSIONS"})

pytestmark = pytest.mark.xdist_group("gltf-validator")


def meshes_of(file: bytes) -> list[trimesh.Trimesh]:
    scene = trimesh.load(io.BytesIO(file), file_type="glb", process=False)
    return list(scene.geometry.values())


@given(scenes())
@settings(max_examples=40)
def test_what_is_read_back_is_what_was_written(scene: Scene) -> None:
    file = glb.write(scene)
    assert file == glb.write(scene)
    meshes = meshes_of(file)
    assert len(meshes) == len(scene.bodies)
    for mesh, body in zip(meshes, scene.bodies, strict=True):
        assert np.array_equal(mesh.vertices, y_up(body.vertices).astype(np.float32))
        assert np.array_equal(mesh.faces, body.faces)
        has_normals = "vertex_normals" in mesh._cache
        assert has_normals == (body.normals is not None)
        if body.normals is not None:
            assert np.allclose(mesh.vertex_normals, y_up(body.normals), atol=1e-6)


@pytest.mark.parametrize("textured", [True, False])
def test_the_khronos_validator_has_nothing_to_say(textured: bool) -> None:
    scene = hill_with_track(textured=textured)
    info = assert_valid(glb.write(scene), allowed=ODD_SIZES)["info"]
    assert info["hasTextures"] == textured
    assert info["totalTriangleCount"] == sum(len(body.faces) for body in scene.bodies)


def test_an_outline_and_a_mesh_of_many_vertices_are_valid() -> None:
    outline = extruded(outline_of(Silhouette(hill() - 5), 1.0, 0.1), 4.0)
    assert_valid(glb.write(Scene([outline])))
    surface = textured_terrain()
    copies = 65_536 // len(surface.vertices) + 1
    many = trimesh.util.concatenate(
        [trimesh.Trimesh(surface.vertices, surface.faces, process=False)] * copies
    )
    body = type(surface)(many.vertices, many.faces.astype(np.uint32))
    assert len(body.vertices) > 65_535
    assert_valid(glb.write(Scene([body])))


def test_a_closed_body_is_closed_for_who_reads_the_file() -> None:
    outline = extruded(outline_of(Silhouette(hill() - 5), 1.0, 0.1), 4.0)
    loaded = trimesh.load(io.BytesIO(glb.write(Scene([outline]))), file_type="glb", force="mesh")
    assert loaded.is_watertight
    assert loaded.volume > 0


def test_the_file_says_where_it_lies_and_what_it_shows() -> None:
    document = document_of(glb.write(hill_with_track()))
    place = document["asset"]["extras"]["georeference"]
    assert place == document["scenes"][0]["extras"]["georeference"]
    assert place["crs"] == "EPSG:32632"
    assert place["bounds"] == [400_000, 5_000_000, 400_400, 5_000_400]
    assert place["origin"] == {"longitude": 7.726, "latitude": 45.149}
    assert [mesh["name"] for mesh in document["meshes"]] == ["terrain", "track"]
    assert [node["name"] for node in document["nodes"]] == ["terrain", "track"]
    terrain, track = document["materials"]
    assert "baseColorTexture" in terrain["pbrMetallicRoughness"]
    assert "baseColorTexture" not in track["pbrMetallicRoughness"]
    assert terrain["pbrMetallicRoughness"]["metallicFactor"] == 0


def test_up_is_y_and_north_is_minus_z() -> None:
    surface = textured_terrain()
    (mesh,) = meshes_of(glb.write(Scene([surface])))
    highest = mesh.vertices[surface.vertices[:, 2].argmax()]
    assert highest[1] == mesh.vertices[:, 1].max()
    northern = mesh.vertices[surface.vertices[:, 1].argmax()]
    assert northern[2] == mesh.vertices[:, 2].min()
    assert (mesh.face_normals[:, 1] > 0).all()
