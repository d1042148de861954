import io

import DracoPy
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings

from trackflow.meshes.formats import draco, glb
from trackflow.meshes.scene import Scene
from trackflow_tests.meshes.formats.scenes import document_of, hill_with_track, scenes, y_up
from trackflow_tests.meshes.gltf_validator import assert_valid
from trackflow_tests.meshes.shapes import terrain_from

pytestmark = pytest.mark.xdist_group("gltf-validator")

# the validator knows no Draco: it cannot look into the compressed views
UNKNOWN = frozenset({"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT", "IMAGE_NPOT_DIMENSIONS"})


@given(scenes())
@settings(max_examples=40)
def test_rounding_stays_far_below_the_error_of_the_mesh(scene: Scene) -> None:
    assert draco.write(scene) == draco.write(scene)
    for body in scene.bodies:
        decoded = DracoPy.decode(draco.compressed(body, scene.error_m))
        vertices = y_up(body.vertices)
        range_m = float(np.ptp(vertices, axis=0).max())
        limit_m = max(scene.error_m / 64, range_m / 2**22) + 1e-5  # float32 besides
        corners = vertices[body.faces].reshape(-1, 9)
        found = np.asarray(decoded.points, dtype=float)[decoded.faces].reshape(-1, 9)
        assert len(found) == len(corners)
        distance = np.abs(corners[:, None, :] - _turns(found)[None]).max(axis=2).min(axis=0)
        assert distance.reshape(3, -1).min(axis=0).max() <= limit_m


def _turns(triangles: np.ndarray) -> np.ndarray:
    """Each triangle with each of its corners first, all of one turn after another."""
    corners = triangles.reshape(-1, 3, 3)
    return np.concatenate([np.roll(corners, turn, axis=1).reshape(-1, 9) for turn in range(3)])


def test_the_file_is_valid_and_says_what_a_decoder_finds() -> None:
    scene = hill_with_track()
    file = draco.write(scene)
    assert_valid(file, allowed=UNKNOWN)
    document = document_of(file)
    assert document["extensionsRequired"] == ["KHR_draco_mesh_compression"]
    loaded = trimesh.load(io.BytesIO(file), file_type="glb", process=False)
    for mesh, body, described in zip(
        loaded.geometry.values(), scene.bodies, document["meshes"], strict=True
    ):
        primitive = described["primitives"][0]
        accessors = document["accessors"]
        position = accessors[primitive["attributes"]["POSITION"]]
        assert position["count"] == len(mesh.vertices)
        assert (
            accessors[primitive["indices"]]["count"] == 3 * len(mesh.faces) == 3 * len(body.faces)
        )
        assert np.allclose(position["min"], mesh.vertices.min(axis=0), atol=1e-4)
        assert np.allclose(
            mesh.bounds, [y_up(body.vertices).min(0), y_up(body.vertices).max(0)], atol=1 / 64
        )
        extension = primitive["extensions"]["KHR_draco_mesh_compression"]
        assert extension["attributes"].keys() == primitive["attributes"].keys()


def test_it_is_a_fraction_of_the_plain_file() -> None:
    y, x = np.mgrid[:200, :200]
    rough = 30 * np.sin(x / 9) * np.cos(y / 13) + 5 * np.random.default_rng(1).random((200, 200))
    scene = Scene([terrain_from(rough.astype(np.float32), 2.0)], error_m=2.0)
    assert len(glb.write(scene)) > 5 * len(draco.write(scene))


def test_normals_and_places_on_the_picture_survive() -> None:
    surface = hill_with_track().bodies[0]
    decoded = DracoPy.decode(draco.compressed(surface, 1.0))
    assert surface.normals is not None
    assert surface.uv is not None
    places = y_up(surface.vertices)
    nearest = [int(np.abs(places - point).sum(axis=1).argmin()) for point in decoded.points]
    assert np.allclose(decoded.normals, y_up(surface.normals)[nearest], atol=0.03)
    assert np.allclose(decoded.tex_coord, surface.uv[nearest], atol=1e-4)
