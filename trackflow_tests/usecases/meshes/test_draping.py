"""A line of a track on its terrain, stored as a mesh like any other."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from trackflow.context import Context
from trackflow.demo.terrain import geotiff, hills
from trackflow.geo.bbox import Bbox
from trackflow.usecases.meshes.control import Mesh, MeshStatus, read_file, read_mesh
from trackflow.usecases.meshes.draping import with_lines
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import child_generator
from trackflow.usecases.queries.track_lines import TrackLine
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.usecases.meshes import pictures

BOX = Bbox(24.90, 60.15, 24.94, 60.17)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context("", tmp_path, Clock()) as opened:
        yield opened


def made(context: Context, image: bytes, name: str, parameters: Mapping[str, Any]) -> Mesh:
    mesh = request_mesh(context, MeshRequest(image=image, name=name, parameters=parameters))
    generator = child_generator(context.settings, workers=1)
    try:
        run_due_meshes(context, generator, mesh_id=mesh.mesh_id)
    finally:
        generator.close()
    return read_mesh(context, mesh.mesh_id)


def line(bend: float) -> TrackLine:
    share = np.linspace(0.1, 0.9, 40)
    return TrackLine(0, 1, 24.90 + 0.04 * share, 60.15 + 0.02 * share**bend)


def test_each_line_has_a_mesh_of_its_own(context: Context) -> None:
    """A mesh with a track was once given to those who asked for the plain terrain."""
    image, plain = geotiff(hills(48), BOX), {"max_error_m": 3.0}
    parts = []
    for parameters in (with_lines(plain, [line(2)]), plain, with_lines(plain, [line(3)])):
        mesh = made(context, image, "hills.tif", parameters)
        assert mesh.status is MeshStatus.COMPLETED
        _file, glb = read_file(context, mesh.mesh_id)
        scene = trimesh.load(io.BytesIO(glb), file_type="glb")
        parts.append(set(scene.geometry))
    assert parts == [{"terrain", "track"}, {"terrain"}, {"terrain", "track"}]
    assert scene.geometry["track"].is_watertight


def test_an_image_that_does_not_say_where_it_lies_is_refused(context: Context) -> None:
    mesh = made(context, pictures.hills(1), "hills.png", with_lines({}, [line(1)]))
    assert mesh.status is MeshStatus.FAILED
    assert "does not say where it lies" in str(mesh.error_message)
