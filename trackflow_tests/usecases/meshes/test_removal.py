"""Deleted meshes: gone for people, and not made again by a sync."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError
from trackflow.store.meshes import images
from trackflow.usecases.meshes.control import MeshStatus, list_meshes, read_mesh
from trackflow.usecases.meshes.finding import find_images
from trackflow.usecases.meshes.removal import remove_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.sync import rehearse_sync
from trackflow_tests.meshes.inline import InlineGenerator
from trackflow_tests.stores import open_context
from trackflow_tests.web.meshes import hill_png, made_mesh, make_due


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with open_context(database_url, tmp_path, mesh_inbox=inbox) as opened:
        yield opened


def made_by_sync(context: Context) -> int:
    return sum(rehearse_sync(context, InlineGenerator().version).make.values())


def test_the_last_mesh_of_an_image_takes_the_image_with_it(context: Context) -> None:
    mesh_id = made_mesh(context, hill_png(), "hill.png")
    assert made_by_sync(context) == 0
    assert remove_mesh(context, mesh_id).status is MeshStatus.RETIRED
    assert remove_mesh(context, mesh_id) == read_mesh(context, mesh_id)
    assert list_meshes(context) == []
    assert made_by_sync(context) == 0
    # a person who sends it once more gets it
    again = made_mesh(context, hill_png(), "hill.png")
    assert read_mesh(context, again).status is MeshStatus.COMPLETED
    assert made_by_sync(context) == 0


def test_other_meshes_of_its_image_stay(context: Context) -> None:
    coarse = made_mesh(context, hill_png(), "hill.png", detail_factor=0.1)
    fine = made_mesh(context, hill_png(), "hill.png", detail_factor=0.01)
    for removed, kept in ((fine, coarse), (coarse, fine)):
        with context.store.read() as connection:
            key = read_mesh(context, kept).image_key
            assert images.read_image(connection, key).gone_at is None
        remove_mesh(context, removed)
        if removed == fine:
            assert [mesh.mesh_id for mesh in list_meshes(context)] == [kept]
            assert made_by_sync(context) == 0, "the sync keeps the mesh that is left"
    assert list_meshes(context) == []
    assert made_by_sync(context) == 0


def test_what_a_sync_would_find_again_is_not_deleted(context: Context) -> None:
    assert context.settings.mesh_inbox is not None
    (context.settings.mesh_inbox / "hill.png").write_bytes(hill_png())
    find_images(context, lambda _context, _address: b"")
    mesh = request_mesh(context, MeshRequest(image_key="inbox/hill.png"))
    make_due(context)
    with pytest.raises(BadInputError, match="take the file out"):
        remove_mesh(context, mesh.mesh_id)
    assert read_mesh(context, mesh.mesh_id).status is MeshStatus.COMPLETED


def test_one_that_is_being_made_is_not_deleted(context: Context) -> None:
    found = []

    def delete_it(_context: Context, _address: str) -> bytes:
        with pytest.raises(BadInputError, match="cancel it first"):
            remove_mesh(context, "in-work")
        found.append(read_mesh(context, "in-work").status)
        return hill_png()

    request_mesh(context, MeshRequest(image_url="http://images.example/a.png", mesh_id="in-work"))
    make_due(context, fetch=delete_it)
    assert found == [MeshStatus.RUNNING]
    assert read_mesh(context, "in-work").status is MeshStatus.COMPLETED
    with pytest.raises(NotFoundError):
        remove_mesh(context, "none")
