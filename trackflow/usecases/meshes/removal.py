"""Deletes a mesh for good: no sync makes it again."""

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.store.database import Connection
from trackflow.store.meshes import images, meshes
from trackflow.store.meshes.meshes import Mesh, MeshStatus

KEPT_ELSEWHERE = {
    "inbox": "the inbox: take the file out of it, and the next sync deletes the mesh",
    "catalogue": "the catalogue: TRACKFLOW_MESH_LOGOS=no makes no meshes of logos",
}
"""Sources whose images a sync finds again, and what to do instead."""


def remove_mesh(context: Context, mesh_id: str) -> Mesh:
    """Retire a mesh, and forget its image unless another mesh needs it.

    A cleanup deletes its row and files later. Nothing happens to a mesh that is retired already.

    Raises:
        NotFoundError: there is none of this id.
        BadInputError: it is being made, or a sync would make it again.
    """
    with context.store.write() as connection:
        mesh = meshes.read_mesh(connection, mesh_id)
        if mesh.status is MeshStatus.RETIRED:
            return mesh
        if mesh.status is MeshStatus.RUNNING:
            raise BadInputError(f"the mesh {mesh_id} is being made: cancel it first")
        source = images.read_image(connection, mesh.image_key).source
        if source in KEPT_ELSEWHERE:
            raise BadInputError(f"the image of {mesh_id} is in {KEPT_ELSEWHERE[source]}")
        meshes.retire(connection, [mesh_id], context.clock())
        _forget_image(context, connection, mesh)
        return meshes.read_mesh(connection, mesh_id)


def _forget_image(context: Context, connection: Connection, deleted: Mesh) -> None:
    """Keep a sync from making the mesh of the image's parameters again."""
    kept = [status for status in MeshStatus if status is not MeshStatus.RETIRED]
    others = meshes.list_meshes(connection, statuses=kept, image_key=deleted.image_key, limit=1)
    if not others:
        images.mark_gone(connection, [deleted.image_key], context.clock())
        return
    asked = {"parameters": others[0].parameters, "parameters_hash": others[0].parameters_hash}
    image = images.read_image(connection, deleted.image_key)
    if image.parameters_hash == deleted.parameters_hash != asked["parameters_hash"]:
        images.save_image(
            connection,
            image.image_key,
            context.clock(),
            {"source": image.source, "name": image.name, **asked},
        )
