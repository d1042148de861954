"""The state of a mesh as its service tells it, by answers and by callbacks."""

from typing import Any

from trackflow.context import Context
from trackflow.store.meshes import meshes
from trackflow.store.meshes.mesh_state import is_worth_a_try
from trackflow.store.meshes.meshes import Mesh, MeshFile, MeshStatus
from trackflow.usecases.meshes.control import as_dict
from trackflow.usecases.meshes.links import MAIN_FILE


def mesh_state(context: Context, mesh_id: str, base_url: str) -> dict[str, Any]:
    """The state of a mesh.

    Args:
        context: the store.
        mesh_id: of the mesh.
        base_url: of this service, as the requester reaches it.

    Raises:
        NotFoundError: there is none of this id.
    """
    with context.store.read() as connection:
        mesh = meshes.read_mesh(connection, mesh_id)
        files = meshes.files_of(connection, mesh_id)
    return state_of(mesh, files, base_url)


def state_of(mesh: Mesh, files: list[MeshFile], base_url: str) -> dict[str, Any]:
    """The state of a mesh with these files."""
    status = _reported_status(mesh)
    shown = files if status is MeshStatus.COMPLETED else []
    names = [file.name for file in shown]
    known = as_dict(mesh)
    kept = (
        *("mesh_id", "image_url", "parameters", "vertex_count", "triangle_count", "report"),
        *("error_kind", "error_message", "tries", "progress", "step", "seconds"),
        *("created_at", "started_at", "finished_at"),
    )
    return {
        **{name: known[name] for name in kept},
        "status": status.value,
        "retryable": status is MeshStatus.FAILED and is_worth_a_try(mesh.error_kind),
        "result_url": _address(base_url, mesh, MAIN_FILE) if MAIN_FILE in names else None,
        "files": [
            {
                "name": file.name,
                "url": _address(base_url, mesh, file.name),
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
            }
            for file in shown
        ],
        "generator_version": mesh.generator_version,
        "pixels": mesh.pixels,
        "peak_memory_bytes": mesh.peak_memory_bytes,
    }


def _reported_status(mesh: Mesh) -> MeshStatus:
    """Retired is an affair of cleaning: another request has made the same mesh anew."""
    if mesh.status is not MeshStatus.RETIRED:
        return mesh.status
    return MeshStatus.COMPLETED if mesh.error_kind is None else MeshStatus.FAILED


def _address(base_url: str, mesh: Mesh, name: str) -> str:
    return f"{base_url}/meshes/{mesh.mesh_id}/files/{name}"
