"""A storage that is away or full: nothing is lost, nothing half-written, and it is tried again."""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trackflow.context import Context
from trackflow.errors import MeshStorageError, NotFoundError
from trackflow.store.meshes.meshes import MeshStatus
from trackflow.usecases.meshes.control import list_meshes, read_file, read_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import storage_of
from trackflow_tests.helpers.stores import Clock
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills

FINE = {"detail_factor": 0.0001}
"""Many triangles: a file that is larger than its image by far."""


def ask(context: Context, seed: int) -> str:
    request = MeshRequest(image=hills(seed), name=f"{seed}.png", parameters=FINE)
    return request_mesh(context, request).mesh_id


@contextmanager
def away(context: Context) -> Iterator[None]:
    """As when a disk is not mounted, and something else is in its place."""
    root = context.settings.home / "meshes"
    moved = root.with_name("moved")
    root.rename(moved)
    root.write_bytes(b"no folder")
    yield
    root.unlink()
    moved.rename(root)


@contextmanager
def full() -> Iterator[None]:
    """No file of this process may become larger than 4 kB: a write ends half-way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_storage_that_is_away_delays_and_loses_nothing(context: Context, clock: Clock) -> None:
    mesh_id = ask(context, 1)
    with away(context):
        with pytest.raises(MeshStorageError, match="cannot write"):
            ask(context, 2)
        report = run_due_meshes(context, TroubledGenerator())
        assert (report.completed, report.failed, report.waiting) == (0, 0, 1)
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.error_kind, mesh.tries) == (MeshStatus.QUEUED, "storage", 1)
    clock.advance(60)
    assert run_due_meshes(context, TroubledGenerator()).completed == 1
    assert read_file(context, mesh_id)[1].startswith(b"glTF")
    assert [mesh.mesh_id for mesh in list_meshes(context)] == [mesh_id]


def test_a_full_disk_leaves_no_half_and_is_tried_again(context: Context, clock: Clock) -> None:
    if not context.store.is_postgresql:
        pytest.skip("SQLite's own file could not grow either")
    mesh_id = ask(context, 1)
    with full():
        report = run_due_meshes(context, TroubledGenerator())
    assert report.waiting == 1
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.error_kind) == (MeshStatus.QUEUED, "storage")
    assert "cannot write" in (mesh.error_message or "")
    root = context.settings.home / "meshes"
    assert [p.suffix for p in root.rglob("*") if p.is_file()] == [".image"]
    with pytest.raises(NotFoundError, match=r"mesh\.glb"):
        read_file(context, mesh_id)
    clock.advance(60)
    assert run_due_meshes(context, TroubledGenerator()).completed == 1


def test_a_storage_that_stays_away_ends_in_a_failure(context: Context, clock: Clock) -> None:
    mesh_id = ask(context, 1)
    with away(context):
        for _ in range(5):
            run_due_meshes(context, TroubledGenerator())
            clock.advance(3600)
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.tries, mesh.error_kind) == (MeshStatus.FAILED, 5, "storage")


def test_a_lost_file_is_told(context: Context) -> None:
    mesh_id = ask(context, 1)
    run_due_meshes(context, TroubledGenerator())
    file, _ = read_file(context, mesh_id)
    storage_of(context.settings).delete(file.stored_name)
    with pytest.raises(MeshStorageError, match="mesh sync"):
        read_file(context, mesh_id)


def test_an_uploaded_image_that_is_lost_is_told(context: Context, clock: Clock) -> None:
    mesh_id = ask(context, 1)
    shutil.rmtree(context.settings.home / "meshes")
    for _ in range(5):
        run_due_meshes(context, TroubledGenerator())
        clock.advance(3600)
    mesh = read_mesh(context, mesh_id)
    assert (mesh.status, mesh.error_kind) == (MeshStatus.FAILED, "storage")
    assert "not there" in (mesh.error_message or "")


def test_a_lost_image_with_an_address_is_fetched_again(context: Context) -> None:
    url = "https://x.example/a.png"
    fetched: list[str] = []

    def fetch(_context: Context, address: str) -> bytes:
        fetched.append(address)
        return hills(1)

    first = request_mesh(context, MeshRequest(image_url=url)).mesh_id
    run_due_meshes(context, TroubledGenerator(), fetch=fetch)
    shutil.rmtree(context.settings.home / "meshes")
    second = request_mesh(context, MeshRequest(image_url=url, parameters=FINE)).mesh_id
    run_due_meshes(context, TroubledGenerator(), fetch=fetch)
    assert fetched == [url, url]
    assert read_mesh(context, first).content_hash == read_mesh(context, second).content_hash
    assert read_file(context, second)[1].startswith(b"glTF")
