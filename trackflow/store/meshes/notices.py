"""Messages about the end of meshes and batches: a claim before, a mark after, so each is sent once.

A process that is killed between sending and marking sends that one again: losing it would be worse.
"""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.clocks import is_over
from trackflow.store.meshes.batches import MeshBatch, read_batch
from trackflow.store.meshes.meshes import Mesh, lock, read_mesh
from trackflow.store.meshes.tables import mesh_batches, meshes

m = meshes.c
b = mesh_batches.c

CLAIM_S = 120.0
"""A process that has not marked its message by then has died; sending takes 20 s at most."""

NEWS_FOR = dt.timedelta(days=1)
"""A message about an older end is not sent: addresses may have been set long after it."""


def claim_mesh(connection: Connection, now: dt.datetime) -> Mesh | None:
    """The right to send the message about a mesh that has ended; None if there is none."""
    lock(connection)
    due = sa.select(m.mesh_id).where(
        m.wants_notice,
        m.status.in_(("completed", "failed")),
        m.notified_at.is_(None),
        m.finished_at > now - NEWS_FOR,
        sa.or_(m.notice_until.is_(None), is_over(m.notice_until, now, CLAIM_S)),
    )
    found = connection.scalar(due.order_by(m.finished_at, m.mesh_id).limit(1))
    if found is None:
        return None
    until = now + dt.timedelta(seconds=CLAIM_S)
    connection.execute(sa.update(meshes).where(m.mesh_id == found).values(notice_until=until))
    return read_mesh(connection, found)


def mark_mesh(connection: Connection, mesh_id: str, now: dt.datetime) -> None:
    """Note that the message about a mesh was sent."""
    connection.execute(sa.update(meshes).where(m.mesh_id == mesh_id).values(notified_at=now))


def claim_batch(connection: Connection, now: dt.datetime) -> MeshBatch | None:
    """The right to send the message about a batch that has ended; None if there is none."""
    lock(connection)
    due = sa.select(b.batch_id).where(
        b.status.in_(("completed", "failed")),
        b.notified_at.is_(None),
        b.finished_at > now - NEWS_FOR,
        sa.or_(b.notice_until.is_(None), is_over(b.notice_until, now, CLAIM_S)),
    )
    found = connection.scalar(due.order_by(b.finished_at, b.batch_id).limit(1))
    if found is None:
        return None
    until = now + dt.timedelta(seconds=CLAIM_S)
    connection.execute(
        sa.update(mesh_batches).where(b.batch_id == found).values(notice_until=until)
    )
    return read_batch(connection, found)


def mark_batch(connection: Connection, batch_id: uuid.UUID, now: dt.datetime) -> None:
    """Note that the message about a batch was sent."""
    connection.execute(
        sa.update(mesh_batches).where(b.batch_id == batch_id).values(notified_at=now)
    )
