import io

import numpy as np
import trimesh
from hypothesis import given, settings

from trackflow.meshes.formats import obj
from trackflow.meshes.scene import Scene
from trackflow_tests.meshes.formats.scenes import hill_with_track, scenes


@given(scenes())
@settings(max_examples=40)
def test_what_is_read_back_is_what_was_written(scene: Scene) -> None:
    file = obj.write(scene)
    assert file == obj.write(scene)
    loaded = trimesh.load(io.BytesIO(file), file_type="obj", split_object=True, process=False)
    meshes = list(loaded.geometry.values()) if hasattr(loaded, "geometry") else [loaded]
    corners = np.concatenate([body.vertices[body.faces] for body in scene.bodies])
    found = np.concatenate([mesh.vertices[mesh.faces] for mesh in meshes])
    assert np.allclose(found, corners, rtol=1e-8)


def test_places_on_the_picture_count_from_the_lower_left() -> None:
    scene = hill_with_track()
    lines = obj.write(scene).decode().splitlines()
    assert [line for line in lines if line.startswith("o ")] == ["o terrain", "o track"]
    terrain, track = scene.bodies
    assert terrain.uv is not None
    places = np.array([line.split()[1:] for line in lines if line.startswith("vt ")], dtype=float)
    assert np.allclose(places, np.column_stack([terrain.uv[:, 0], 1 - terrain.uv[:, 1]]))
    faces = [line for line in lines if line.startswith("f ")]
    first = int(terrain.faces[0, 0]) + 1
    assert faces[0].split()[1] == f"{first}/{first}/{first}"
    last = len(terrain.vertices) + int(track.faces[-1, 2]) + 1
    assert faces[-1].split()[3] == str(last)
