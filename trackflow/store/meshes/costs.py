"""What meshes took: the experience by which it is decided how many fit the machine."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.meshes.tables import meshes

m = meshes.c

RECENT = 50


def recent_costs(connection: Connection) -> list[tuple[int, int]]:
    """Pixels and peak memory in bytes of the last meshes, the newest first."""
    query = (
        sa.select(m.pixels, m.peak_memory_bytes)
        .where(m.pixels.is_not(None), m.peak_memory_bytes.is_not(None))
        .order_by(m.created_at.desc())
        .limit(RECENT)
    )
    return [(row.pixels, row.peak_memory_bytes) for row in connection.execute(query)]
