import io
import zipfile

import lib3mf
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from lxml import etree

from trackflow.meshes.formats import threemf
from trackflow.meshes.printing import in_millimetres
from trackflow.meshes.scene import Scene
from trackflow.meshes.triangles import Triangles
from trackflow_tests.meshes.formats.scenes import prints


@given(prints())
@settings(max_examples=40)
def test_the_reader_of_the_3mf_consortium_takes_it_in_its_strict_mode(scene: Scene) -> None:
    file = threemf.write(scene)
    assert file == threemf.write(scene)
    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromBuffer(file)
    assert reader.GetWarningCount() == 0
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    bodies = in_millimetres(scene)
    objects = model.GetMeshObjects()
    for body in bodies:
        assert objects.MoveNext()
        found = objects.GetCurrentMeshObject()
        assert found.IsManifoldAndOriented()
        assert found.GetName() == body.name
        vertices = np.array([list(vertex.Coordinates) for vertex in found.GetVertices()])
        assert np.allclose(vertices, body.vertices, atol=1e-5 * max(1, body.vertices.max()))
        faces = np.array([list(triangle.Indices) for triangle in found.GetTriangleIndices()])
        assert np.array_equal(faces, body.faces)
    assert not objects.MoveNext()
    items = model.GetBuildItems()
    assert items.Count() == 1
    assert items.MoveNext()
    whole = items.GetCurrent().GetObjectResource()
    assert whole.IsComponentsObject()
    assert whole.GetComponentCount() == len(bodies)


def test_a_slicer_written_in_python_reads_it_too() -> None:
    scene = Scene([_tetrahedron("terrain"), _tetrahedron("a <track> & more")], mm_per_m=10)
    loaded = trimesh.load(io.BytesIO(threemf.write(scene)), file_type="3mf", force="mesh")
    assert loaded.is_watertight
    assert loaded.bounds[1] == pytest.approx([10, 10, 10])


def test_each_body_has_its_colour() -> None:
    scene = Scene([_tetrahedron("terrain"), _tetrahedron("track")])
    with zipfile.ZipFile(io.BytesIO(threemf.write(scene))) as archive:
        model = etree.fromstring(archive.read("3D/3dmodel.model"))
    colours = [base.get("displaycolor") for base in model.iter("{*}base")]
    assert len(set(colours)) == 2
    assert [found.get("pindex") for found in model.iter("{*}object")] == ["0", "1", None]


def _tetrahedron(name: str) -> Triangles:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float64)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], dtype=np.uint32)
    return Triangles(vertices, faces, name=name)
