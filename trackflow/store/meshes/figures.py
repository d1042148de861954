"""Counts and sums of meshes, for monitoring."""

import datetime as dt
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.meshes import usage
from trackflow.store.meshes.meshes import MeshStatus, count_by_status
from trackflow.store.meshes.tables import mesh_files, mesh_images, meshes
from trackflow.store.meshes.usage import UsageEntry

m = meshes.c


@dataclass(frozen=True, slots=True)
class MeshFigures:
    """How meshes stand.

    Attributes:
        by_status: how many have each status.
        oldest_queued_at: since when the first in the queue waits, UTC; None for an empty queue.
        images: that are there.
        stored_bytes: of files of meshes, each counted once.
        totals: sums of all that was ever made, by outcome.
    """

    by_status: dict[MeshStatus, int]
    oldest_queued_at: dt.datetime | None
    images: int
    stored_bytes: int
    totals: dict[str, UsageEntry] = field(default_factory=dict)


def read_figures(connection: Connection) -> MeshFigures:
    """Count everything."""
    count = sa.func.count
    files = sa.select(mesh_files.c.stored_name, mesh_files.c.size_bytes).distinct().subquery()
    return MeshFigures(
        by_status=count_by_status(connection),
        oldest_queued_at=connection.scalar(
            sa.select(sa.func.min(m.created_at)).where(m.status == MeshStatus.QUEUED.value)
        ),
        images=connection.scalar(
            sa.select(count()).select_from(mesh_images).where(mesh_images.c.gone_at.is_(None))
        )
        or 0,
        stored_bytes=int(connection.scalar(sa.select(sa.func.sum(files.c.size_bytes))) or 0),
        totals=usage.read_totals(connection),
    )
