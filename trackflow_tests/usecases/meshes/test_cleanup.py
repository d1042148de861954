"""Cleanup deletes what is useless, only that, and says so before."""

import os

import pytest

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.store.meshes import claims, endings, meshes
from trackflow.store.meshes.claims import ClaimLimits
from trackflow.store.meshes.endings import MeshFailure
from trackflow.store.meshes.meshes import MeshStatus
from trackflow.usecases.meshes import cleanup
from trackflow.usecases.meshes.cleanup import (
    clean_all,
    clean_failed_files,
    clean_old_meshes,
    clean_orphans,
)
from trackflow.usecases.meshes.control import list_meshes, read_file, read_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import storage_of
from trackflow.usecases.meshes.usage import usage_of
from trackflow_tests.helpers.stores import Clock, contents
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills

HOUR_S, DAY_S = 3600, 86_400


def made(context: Context, seed: int, **more: object) -> str:
    parameters = {"draco": False, "thumbnail": False}  # one file
    request = MeshRequest(
        image=hills(seed),
        name=f"{seed}.png",
        parameters=parameters,
        **more,  # type: ignore[arg-type]
    )
    mesh_id = request_mesh(context, request).mesh_id
    run_due_meshes(context, TroubledGenerator())
    return mesh_id


def broken(context: Context) -> str:
    request = MeshRequest(image=hills(99), name="99.png", project="harbour")
    mesh_id = request_mesh(context, request).mesh_id
    trouble = TroubledGenerator({"99.png": lambda: BadInputError("no image")})
    run_due_meshes(context, trouble)
    return mesh_id


def stored(context: Context) -> set[str]:
    return {file.name for file in storage_of(context.settings).files()}


def age_files(context: Context, clock: Clock) -> None:
    """Files get their times from the machine's clock; let them be as old as the rows."""
    for name in stored(context):
        path = context.settings.home / "meshes" / name
        os.utime(path, (clock().timestamp(), clock().timestamp()))


def test_failed_meshes_go_after_a_week_and_their_count_stays(
    context: Context, clock: Clock
) -> None:
    good, bad = made(context, 1), broken(context)
    month = clock().date()
    clock.advance(6 * DAY_S)
    assert clean_old_meshes(context).failed_meshes == 0
    clock.advance(2 * DAY_S)
    before = contents(context.store, "meshes", "mesh_files")
    planned = clean_old_meshes(context, dry_run=True)
    assert contents(context.store, "meshes", "mesh_files") == before
    assert (planned.failed_meshes, planned.is_dry_run) == (1, True)
    assert clean_old_meshes(context).failed_meshes == 1
    assert [mesh.mesh_id for mesh in list_meshes(context)] == [good]
    assert bad not in {mesh.mesh_id for mesh in list_meshes(context)}
    usage = usage_of(context, month)
    assert usage.total.failures == {"image": 1}
    assert {p.project: p.failures for p in usage.projects}["harbour"] == {"image": 1}


def test_files_of_failed_meshes_go_after_an_hour(context: Context, clock: Clock) -> None:
    """A mesh that was made once, and failed when it was made again, has files of no use."""
    mesh_id = made(context, 1)
    with context.store.write() as connection:
        connection.exec_driver_sql("UPDATE meshes SET status = 'queued'")
    with context.store.write() as connection:
        claimed = claims.claim_next(connection, clock(), ClaimLimits(60.0, 10**9))
        assert claimed is not None
        endings.fail(connection, claimed, MeshFailure("image", "broken"), clock())
    names = stored(context)
    clock.advance(HOUR_S / 2)
    assert clean_failed_files(context).files == 0
    clock.advance(HOUR_S)
    assert clean_failed_files(context, dry_run=True).files == 1
    assert stored(context) == names
    report = clean_failed_files(context)
    assert (report.meshes_without_files, report.files) == (1, 1)
    assert len(names - stored(context)) == 1
    assert read_mesh(context, mesh_id).size_bytes == 0


def test_orphans_go_after_a_day_and_nothing_else(context: Context, clock: Clock) -> None:
    mesh_id = made(context, 1)
    storage = storage_of(context.settings)
    orphan = storage.put(b"nobody's", ".glb")
    used = stored(context) - {orphan}
    age_files(context, clock)
    assert clean_orphans(context).orphans == 0, "it may belong to a mesh that is being made"
    clock.advance(2 * DAY_S)
    planned = clean_orphans(context, dry_run=True)
    assert (planned.orphans, planned.size_bytes) == (1, 8)
    assert storage.exists(orphan)
    report = clean_orphans(context)
    assert (report.orphans, report.files, report.size_bytes) == (1, 1, 8)
    assert stored(context) == used
    assert read_file(context, mesh_id)[1].startswith(b"glTF")


def test_a_file_that_is_used_again_while_the_cleanup_looks_stays(
    context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the deletion, a mesh of equal bytes is published."""
    storage = storage_of(context.settings)
    first = made(context, 1)
    (name,) = {f.stored_name for f in _files(context, first)}
    with context.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM mesh_files")
        connection.exec_driver_sql("DELETE FROM meshes")
    age_files(context, clock)
    clock.advance(2 * DAY_S)
    real = cleanup.cleaning.used_names

    def used(connection: object) -> set[str]:
        found = real(connection)  # type: ignore[arg-type]
        assert name not in found
        again.append(made(context, 1))
        return found

    again: list[str] = []
    monkeypatch.setattr(cleanup.cleaning, "used_names", used)
    report = clean_orphans(context)
    assert report.orphans == 0
    assert storage.exists(name)
    assert read_file(context, again[0])[1].startswith(b"glTF")


def test_a_shared_file_stays_while_another_mesh_has_it(context: Context, clock: Clock) -> None:
    one = made(context, 1, mesh_id="one")
    other = made(context, 1, mesh_id="other")
    names = {f.stored_name for f in _files(context, one)}
    assert names == {f.stored_name for f in _files(context, other)}
    with context.store.write() as connection:
        meshes.retire(connection, [one], clock())
    clock.advance(8 * DAY_S)
    age_files(context, clock)
    report = clean_all(context)
    assert (report.retired_meshes, report.files) == (1, 0)
    assert read_file(context, other)[1].startswith(b"glTF")
    with context.store.write() as connection:
        meshes.retire(connection, [other], clock())
    clock.advance(8 * DAY_S)
    assert clean_all(context).files == 1
    assert not names & stored(context)


def test_half_written_files_of_killed_processes_go(context: Context, clock: Clock) -> None:
    made(context, 1)
    folder = next((context.settings.home / "meshes").iterdir())
    part = folder / f".{'0' * 64}.glb.17-abcd.part"
    part.write_bytes(b"half")
    assert clean_failed_files(context).half_written == 0, "it may be under way"
    os.utime(part, (1, 1))
    assert clean_failed_files(context, dry_run=True).half_written == 0
    assert part.exists()
    assert clean_failed_files(context).half_written == 1
    assert not part.exists()


def test_a_file_that_cannot_be_deleted_is_named_and_the_rest_goes(
    context: Context, clock: Clock
) -> None:
    storage = storage_of(context.settings)
    stuck, free = storage.put(b"stuck", ".glb"), storage.put(b"free", ".glb")
    path = context.settings.home / "meshes" / stuck
    path.unlink()
    path.mkdir()  # a folder of a file's name: it is no file to delete
    (path / "x").write_bytes(b"x")
    age_files(context, clock)
    clock.advance(2 * DAY_S)
    report = clean_orphans(context)
    assert len(report.problems) == 1
    assert "cannot delete" in report.problems[0]
    assert not storage.exists(free)


def test_the_report_says_what_it_did(context: Context, clock: Clock) -> None:
    broken(context)
    clock.advance(8 * DAY_S)
    planned = clean_all(context, dry_run=True).to_markdown()
    assert "1 failed mesh and 0 retired meshes would be deleted" in planned
    assert "1 failed mesh and 0 retired meshes deleted" in clean_all(context).to_markdown()
    assert list_meshes(context, statuses=list(MeshStatus)) == []


def _files(context: Context, mesh_id: str) -> list[meshes.MeshFile]:
    with context.store.read() as connection:
        return meshes.files_of(connection, mesh_id)
