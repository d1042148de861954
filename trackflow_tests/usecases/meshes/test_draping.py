"""A line of a track on its terrain, stored as a mesh like any other."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trimesh

from trackflow.context import Context
from trackflow.demo.terrain import geotiff, hills
from trackflow.geo.bbox import Bbox
from trackflow.usecases.meshes.control import MeshStatus, read_file
from trackflow.usecases.meshes.draping import make_draped_terrain
from trackflow.usecases.queries.track_lines import TrackLine
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.usecases.meshes import pictures

BOX = Bbox(24.90, 60.15, 24.94, 60.17)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context("", tmp_path, Clock()) as opened:
        yield opened


def test_the_file_holds_the_terrain_and_the_track(context: Context) -> None:
    share = np.linspace(0.1, 0.9, 40)
    line = TrackLine(0, 1, 24.90 + 0.04 * share, 60.15 + 0.02 * share**2)
    image = geotiff(hills(48), BOX)
    mesh = make_draped_terrain(context, image, "hills.tif", [line], {"max_error_m": 3.0})
    assert mesh.status is MeshStatus.COMPLETED
    _file, glb = read_file(context, mesh.mesh_id)
    scene = trimesh.load(io.BytesIO(glb), file_type="glb")
    assert set(scene.geometry) == {"terrain", "track"}
    assert scene.geometry["track"].is_watertight


def test_an_image_that_does_not_say_where_it_lies_is_refused(context: Context) -> None:
    line = TrackLine(0, 1, np.array([24.9, 24.91]), np.array([60.15, 60.16]))
    mesh = make_draped_terrain(context, pictures.hills(1), "hills.png", [line], {})
    assert mesh.status is MeshStatus.FAILED
    assert "does not say where it lies" in str(mesh.error_message)
