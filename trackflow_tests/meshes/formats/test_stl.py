import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings

from trackflow.meshes.closed import volume_m3
from trackflow.meshes.formats import stl
from trackflow.meshes.scene import Scene
from trackflow_tests.meshes.formats.scenes import prints


@given(prints())
@settings(max_examples=40)
def test_a_print_is_closed_in_millimetres_on_the_bed(scene: Scene) -> None:
    file = stl.write(scene)
    assert file == stl.write(scene)
    mesh = trimesh.load(io.BytesIO(file), file_type="stl")
    assert mesh.is_volume
    assert len(mesh.faces) == sum(len(body.faces) for body in scene.bodies)
    together = np.concatenate([body.vertices for body in scene.bodies])
    assert mesh.bounds[0] == pytest.approx([0, 0, 0])
    assert mesh.bounds[1] == pytest.approx(np.ptp(together, axis=0) * scene.mm_per_m, rel=1e-5)
    expected = sum(volume_m3(body) for body in scene.bodies) * scene.mm_per_m**3
    assert mesh.volume == pytest.approx(expected, rel=1e-3)
    assert not file.startswith(b"solid")
    triangles = np.frombuffer(file[84:], dtype=stl._TRIANGLE)
    assert int.from_bytes(file[80:84], "little") == len(triangles)
    assert np.allclose(np.linalg.norm(triangles["normal"], axis=1), 1, atol=1e-5)
