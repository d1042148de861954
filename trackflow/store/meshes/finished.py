"""Finished meshes of images."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.meshes.meshes import MeshStatus
from trackflow.store.meshes.tables import meshes

m = meshes.c


def newest_finished(connection: Connection, image_keys: Sequence[str]) -> dict[str, str]:
    """The id of the newest completed mesh of each image that has one; at most 1,000 images."""
    query = (
        sa.select(m.image_key, m.mesh_id)
        .where(m.image_key.in_(image_keys), m.status == MeshStatus.COMPLETED.value)
        .order_by(m.created_at, m.mesh_id)
    )
    return {row.image_key: row.mesh_id for row in connection.execute(query)}
