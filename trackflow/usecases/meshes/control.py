"""Meshes for people and programs: list, read, cancel, retry."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError, MeshStorageError, NotFoundError
from trackflow.geo.time import utc_text
from trackflow.store.meshes import meshes
from trackflow.store.meshes.meshes import Mesh, MeshFile, MeshStatus
from trackflow.usecases.meshes.links import MAIN_FILE, result_path
from trackflow.usecases.meshes.tools import storage_of

__all__ = [
    "Mesh",
    "MeshFile",
    "MeshStatus",
    "as_dict",
    "cancel_mesh",
    "files_of_mesh",
    "list_meshes",
    "read_file",
    "read_mesh",
    "retry_failed",
    "retry_meshes",
]

MOST_LISTED = 1000


def list_meshes(
    context: Context,
    *,
    statuses: Sequence[MeshStatus] = (),
    image_key: str | None = None,
    project: str | None = None,
    batch_id: uuid.UUID | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Mesh]:
    """Meshes, the newest first; retired ones only where they are asked for.

    Args:
        context: the store.
        statuses: of these only; empty for all but retired ones.
        image_key: of this image only.
        project: of this project only.
        batch_id: of this batch only.
        limit: the largest number.
        before: the id of the last mesh of the page before; None for the first page.
    """
    shown = statuses or [status for status in MeshStatus if status is not MeshStatus.RETIRED]
    with context.store.read() as connection:
        return meshes.list_meshes(
            connection,
            statuses=shown,
            image_key=image_key,
            project=project,
            batch_id=batch_id,
            limit=min(limit, MOST_LISTED),
            before=before,
        )


def read_mesh(context: Context, mesh_id: str) -> Mesh:
    """Read a mesh.

    Raises:
        NotFoundError: there is none of this id.
    """
    with context.store.read() as connection:
        return meshes.read_mesh(connection, mesh_id)


def files_of_mesh(context: Context, mesh_id: str) -> list[MeshFile]:
    """The files of a mesh by name.

    Raises:
        NotFoundError: there is no such mesh.
    """
    with context.store.read() as connection:
        meshes.read_mesh(connection, mesh_id)
        return meshes.files_of(connection, mesh_id)


def read_file(context: Context, mesh_id: str, name: str = MAIN_FILE) -> tuple[MeshFile, bytes]:
    """A file of a mesh and its bytes.

    Raises:
        NotFoundError: there is no such mesh, or it has no such file.
        MeshStorageError: the storage is away.
    """
    files = files_of_mesh(context, mesh_id)
    found = next((file for file in files if file.name == name), None)
    if found is None:
        known = ", ".join(file.name for file in files) or "none yet"
        raise NotFoundError(f"the mesh {mesh_id} has no file {name[:100]!r}; there are: {known}")
    storage = storage_of(context.settings)
    if not storage.exists(found.stored_name):
        raise MeshStorageError(
            f"the file {name} of the mesh {mesh_id} is gone from the storage; "
            "`trackflow mesh sync` makes it again"
        )
    return found, storage.read(found.stored_name)


def cancel_mesh(context: Context, mesh_id: str) -> Mesh:
    """Cancel a mesh: at once if it waits, else within seconds. One that has ended stays.

    Raises:
        NotFoundError: there is none of this id.
    """
    with context.store.write() as connection:
        meshes.read_mesh(connection, mesh_id)
        meshes.cancel(connection, mesh_id, context.clock())
        return meshes.read_mesh(connection, mesh_id)


def retry_meshes(context: Context, mesh_ids: Sequence[str]) -> list[Mesh]:
    """Queue failed or cancelled meshes again, with all their tries.

    Raises:
        NotFoundError: there is none of an id; nothing is changed.
        BadInputError: one has not failed; nothing is changed.
    """
    again = (MeshStatus.FAILED, MeshStatus.CANCELLED)
    with context.store.write() as connection:
        for mesh_id in mesh_ids:
            mesh = meshes.read_mesh(connection, mesh_id)
            if mesh.status not in again:
                raise BadInputError(
                    f"the mesh {mesh_id} is {mesh.status.value}: only failed or cancelled ones "
                    "are made again"
                )
        meshes.retry(connection, mesh_ids)
        return [meshes.read_mesh(connection, mesh_id) for mesh_id in mesh_ids]


def retry_failed(context: Context, project: str | None = None) -> list[Mesh]:
    """Queue all failed meshes again, or those of one project."""
    pages = list(_pages(context, MeshStatus.FAILED, project))  # all before any: they move as we go
    return [mesh for page in pages for mesh in retry_meshes(context, [one.mesh_id for one in page])]


def _pages(context: Context, status: MeshStatus, project: str | None) -> Iterator[list[Mesh]]:
    """All meshes of a status, the newest first, so many at a time."""
    before = None
    while page := list_meshes(
        context, statuses=(status,), project=project, limit=MOST_LISTED, before=before
    ):
        yield page
        before = page[-1].mesh_id


def shown_parameters(mesh: Mesh) -> dict[str, Any]:
    """What was asked, with the number of tracks instead of their lines.

    The lines are long, and no page of a list needs them.
    """
    lines = mesh.parameters.get("tracks")
    return mesh.parameters if lines is None else {**mesh.parameters, "tracks": len(lines)}


def as_dict(mesh: Mesh) -> dict[str, Any]:
    """A mesh as JSON, with the names that callers of other systems expect."""
    report = mesh.report or {}
    is_done = mesh.status is MeshStatus.COMPLETED
    return {
        "mesh_id": mesh.mesh_id,
        "image_url": mesh.image_url,
        "image_key": mesh.image_key,
        "image_name": mesh.image_name,
        "parameters": shown_parameters(mesh),
        "status": mesh.status.value,
        "progress": mesh.progress,
        "step": mesh.step,
        "result_url": result_path(mesh.mesh_id) if is_done else None,
        "vertex_count": report.get("vertex_count"),
        "triangle_count": report.get("triangle_count"),
        "error_kind": mesh.error_kind,
        "error_message": mesh.error_message,
        "tries": mesh.tries,
        "project": mesh.project,
        "user": mesh.user_name,
        "batch_id": None if mesh.batch_id is None else str(mesh.batch_id),
        "size_bytes": mesh.size_bytes,
        "seconds": mesh.seconds,
        "report": mesh.report,
        "created_at": utc_text(mesh.created_at),
        "started_at": utc_text(mesh.started_at),
        "finished_at": utc_text(mesh.finished_at),
        "next_try_at": utc_text(mesh.next_try_at),
    }
