"""What a sync compares: all meshes with a few columns only, and the names of their files."""

import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.meshes.meshes import MeshStatus
from trackflow.store.meshes.tables import mesh_files, meshes

m = meshes.c
f = mesh_files.c


def compared_meshes(connection: Connection) -> list[Any]:
    """Meshes that are not retired, the oldest first."""
    query = (
        sa.select(
            m.mesh_id,
            m.image_key,
            m.status,
            m.parameters_hash,
            m.content_hash,
            m.generator_version,
            m.error_kind,
            m.finished_at,
        )
        .where(m.status != MeshStatus.RETIRED.value)
        .order_by(m.created_at, m.mesh_id)
    )
    return list(connection.execute(query))


def file_names(connection: Connection) -> dict[str, set[str]]:
    """The stored names of the files of each completed mesh."""
    query = (
        sa.select(f.mesh_id, f.stored_name)
        .join(meshes, m.mesh_id == f.mesh_id)
        .where(m.status == MeshStatus.COMPLETED.value)
    )
    found: dict[str, set[str]] = {}
    for mesh_id, stored_name in connection.execute(query):
        found.setdefault(mesh_id, set()).add(stored_name)
    return found


def move_to_batch(connection: Connection, mesh_ids: Sequence[str], batch_id: uuid.UUID) -> None:
    """Let meshes belong to another batch: the sync that tries them again."""
    for mesh_id in mesh_ids:
        connection.execute(sa.update(meshes).where(m.mesh_id == mesh_id).values(batch_id=batch_id))
