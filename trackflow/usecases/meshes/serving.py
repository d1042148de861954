"""What a mesh service does for its clients: take requests, tell states, cancel, count."""

from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.store.meshes import meshes, outbox
from trackflow.store.meshes.mesh_state import is_worth_a_try
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.meshes.control import retry_meshes
from trackflow.usecases.meshes.outbox import check_callback, register_callback
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.service_states import mesh_state


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How much there is to do: meshes that wait and that are being made, callbacks to send."""

    length: int
    running: int
    callbacks: int


def submit(
    context: Context, request: MeshRequest, *, callback_url: str | None, base_url: str
) -> dict[str, Any]:
    """Take a request; returns the state of its mesh.

    A request that was made before gives the mesh that it gave; if that was cancelled, or failed in
    a way that may pass, it is made again.

    Args:
        context: the store.
        request: the image and what is asked.
        callback_url: where its callbacks go; None for none.
        base_url: of this service, as the requester reaches it.

    Raises:
        BadInputError: the request makes no sense, or its id or key stands for another request.
        MeshStorageError: the image cannot be stored.
    """
    if callback_url is not None:
        check_callback(context, callback_url)
    mesh = request_mesh(context, request)
    if _has_to_be_made_again(mesh):
        retry_meshes(context, [mesh.mesh_id])
    if callback_url is not None:
        register_callback(context, mesh.mesh_id, callback_url, base_url)
    return mesh_state(context, mesh.mesh_id, base_url)


def queue_length(context: Context) -> QueueLength:
    """How much there is to do."""
    with context.store.read() as connection:
        counts = meshes.count_by_status(connection)
        waiting = outbox.count_waiting(connection)
    return QueueLength(counts.get(MeshStatus.QUEUED, 0), counts.get(MeshStatus.RUNNING, 0), waiting)


def _has_to_be_made_again(mesh: Mesh) -> bool:
    if mesh.status is MeshStatus.CANCELLED:
        return True
    return mesh.status is MeshStatus.FAILED and is_worth_a_try(mesh.error_kind)
