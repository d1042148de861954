"""What has become of meshes lately, for those who keep a record of it elsewhere."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.meshes.claims import has_rested
from trackflow.store.meshes.meshes import Mesh, MeshStatus, mesh_of, query
from trackflow.store.meshes.tables import mesh_images, meshes

m = meshes.c


@dataclass(frozen=True, slots=True)
class HistoryPosition:
    """A place in the history of meshes: a moment (UTC) and the last mesh of it that was read."""

    moment: dt.datetime
    mesh_id: str = ""


changed_at = sa.func.coalesce(m.retired_at, m.finished_at, type_=m.finished_at.type)


def ended_after(
    connection: Connection, position: HistoryPosition, limit: int
) -> list[tuple[Mesh, HistoryPosition]]:
    """Meshes that have ended or were retired after a position, each with its own, in order.

    Many meshes may have one moment, such as those of a batch that was cancelled: their ids decide.
    """
    found = (
        sa.select(m.mesh_id, changed_at.label("changed_at"))
        .where(
            sa.or_(m.finished_at >= position.moment, m.retired_at >= position.moment),
            sa.or_(
                changed_at > position.moment,
                sa.and_(changed_at == position.moment, m.mesh_id > position.mesh_id),
            ),
        )
        .order_by(changed_at, m.mesh_id)
        .limit(limit)
    )
    positions = {
        row.mesh_id: HistoryPosition(row.changed_at, row.mesh_id)
        for row in connection.execute(found)
    }
    rows = connection.execute(query().where(m.mesh_id.in_(list(positions))))
    ended = [(mesh, positions[mesh.mesh_id]) for mesh in map(mesh_of, rows)]
    return sorted(ended, key=lambda one: (one[1].moment, one[1].mesh_id))


def resting(connection: Connection, limit: int) -> list[Mesh]:
    """Meshes that have failed and wait for their next try, the one that is due first at first."""
    found = (
        query()
        .where(m.status == MeshStatus.QUEUED.value, m.tries > 0)
        .order_by(m.next_try_at, m.mesh_id)
        .limit(limit)
    )
    return [mesh_of(row) for row in connection.execute(found)]


def due(connection: Connection, now: dt.datetime, limit: int) -> list[Mesh]:
    """Meshes that wait and belong to no batch, in the order in which they are made."""
    found = (
        query()
        .where(
            m.status == MeshStatus.QUEUED.value,
            m.batch_id.is_(None),
            has_rested(now),
        )
        .order_by(m.priority, m.created_at, m.mesh_id)
        .limit(limit)
    )
    return [mesh_of(row) for row in connection.execute(found)]


def image_states(connection: Connection) -> dict[str, dt.datetime | None]:
    """The keys of all images, gone ones too, and when the bytes of each were last read."""
    found = sa.select(mesh_images.c.image_key, mesh_images.c.fetched_at)
    return {row.image_key: row.fetched_at for row in connection.execute(found)}


def still_there(connection: Connection, mesh_ids: Sequence[str]) -> set[str]:
    """Which of these meshes exist."""
    return set(connection.scalars(sa.select(m.mesh_id).where(m.mesh_id.in_(mesh_ids))))
