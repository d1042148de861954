import numpy as np
from hypothesis import given

from trackflow.meshes.normals import with_smooth_normals
from trackflow.meshes.triangles import Triangles
from trackflow_tests.meshes.shapes import terrains


@given(terrains())
def test_normals_have_length_one_and_point_out_of_the_ground(surface: Triangles) -> None:
    normals = with_smooth_normals(surface).normals
    assert normals is not None
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert (normals[:, 2] > 0).all()


def test_a_plane_has_one_normal_everywhere() -> None:
    vertices = np.array([[0, 0, 0], [10, 0, 10], [0, 5, 0], [10, 5, 10], [99, 99, 99]], float)
    faces = np.array([[0, 1, 2], [1, 3, 2]], np.uint32)
    normals = with_smooth_normals(Triangles(vertices, faces)).normals
    assert normals is not None
    assert np.allclose(normals[:4], [-(0.5**0.5), 0, 0.5**0.5])
    assert normals[4].tolist() == [0, 0, 1]  # of no triangle
