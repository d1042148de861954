"""Claims on meshes: the right to make one until the lease ends.

A claim is a lease with an epoch, as for batches of days: a worker checks its epoch in the
transaction in which it publishes, so one that lost its lease changes nothing. What came of a claim
is written by `store.meshes.endings`.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import StaleClaimError
from trackflow.store.clocks import is_impossible
from trackflow.store.meshes.mesh_state import LONGEST_REST_S
from trackflow.store.meshes.meshes import Mesh, MeshStatus, lock, read_mesh
from trackflow.store.meshes.tables import meshes

m = meshes.c

MOST_RUNNING = 10
"""Meshes that are made at once, by all processes together."""


@dataclass(frozen=True, slots=True)
class ClaimLimits:
    """What may run at once.

    Attributes:
        lease_s: length of a lease in seconds.
        pixels: of all running meshes together; one alone may have more.
        most_running: meshes at once.
    """

    lease_s: float
    pixels: int
    most_running: int = MOST_RUNNING


def claim_next(
    connection: Connection,
    now: dt.datetime,
    limits: ClaimLimits,
    batch_id: uuid.UUID | None = None,
    mesh_id: str | None = None,
) -> Mesh | None:
    """Claim the mesh that is due first: by priority, then by age; None if none may begin now.

    Args:
        connection: in a transaction for writing.
        now: the time, UTC.
        limits: what may run at once.
        batch_id: of this batch only; None for any.
        mesh_id: this mesh only; None for any.
    """
    lock(connection)
    running = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(m.pixels), 0)).where(
        m.status == MeshStatus.RUNNING.value
    )
    count, pixels = connection.execute(running).one()
    if count >= limits.most_running:
        return None
    twin = meshes.alias("twin")
    # the same mesh is being made: once it is there, it is taken over without making it again
    has_twin = sa.exists().where(
        twin.c.status == MeshStatus.RUNNING.value,
        twin.c.image_key == m.image_key,
        twin.c.parameters_hash == m.parameters_hash,
    )
    conditions = [m.status == MeshStatus.QUEUED.value, has_rested(now), ~has_twin]
    if count:
        conditions.append(sa.func.coalesce(m.pixels, 0) + int(pixels) <= limits.pixels)
    if batch_id is not None:
        conditions.append(m.batch_id == batch_id)
    if mesh_id is not None:
        conditions.append(m.mesh_id == mesh_id)
    due = sa.select(m.mesh_id).where(*conditions)
    chosen = connection.scalar(due.order_by(m.priority, m.created_at, m.mesh_id).limit(1))
    if chosen is None:
        return None
    connection.execute(
        sa.update(meshes)
        .where(m.mesh_id == chosen)
        .values(
            status=MeshStatus.RUNNING.value,
            epoch=m.epoch + 1,
            lease_until=now + dt.timedelta(seconds=limits.lease_s),
            started_at=sa.func.coalesce(m.started_at, sa.literal(now, m.started_at.type)),
            finished_at=None,
            cancel_requested=False,
        )
    )
    return read_mesh(connection, chosen)


def beat(
    connection: Connection,
    claimed: Mesh,
    now: dt.datetime,
    lease_s: float,
    *,
    progress: float,
    step: str | None,
) -> bool:
    """Write progress, which never goes back, and extend the lease; returns whether to cancel.

    Args:
        connection: in a transaction for writing.
        claimed: the mesh, with the epoch of its claim.
        now: the time, UTC.
        lease_s: of the lease from now on, in seconds.
        progress: done share from 0 to 1.
        step: that it is at.

    Raises:
        StaleClaimError: it was taken over.
    """
    higher = sa.case((m.progress < progress, progress), else_=m.progress)
    row = connection.execute(
        sa.update(meshes)
        .where(*is_held(claimed))
        .values(progress=higher, step=step, lease_until=now + dt.timedelta(seconds=lease_s))
        .returning(m.cancel_requested)
    ).one_or_none()
    if row is None:
        raise StaleClaimError(stale(claimed))
    return bool(row[0])


def note_image(
    connection: Connection, claimed: Mesh, content_hash: str, pixels: int | None
) -> None:
    """Note what the image of a claimed mesh turned out to be.

    Raises:
        StaleClaimError: it was taken over.
    """
    changed = connection.execute(
        sa.update(meshes).where(*is_held(claimed)).values(content_hash=content_hash, pixels=pixels)
    )
    if changed.rowcount != 1:
        raise StaleClaimError(stale(claimed))


def same_mesh(
    connection: Connection, claimed: Mesh, content_hash: str, version: str
) -> Mesh | None:
    """A completed mesh of the same bytes, parameters and generator; None if there is none."""
    found = connection.scalar(
        sa.select(m.mesh_id)
        .where(
            m.status == MeshStatus.COMPLETED.value,
            m.content_hash == content_hash,
            m.parameters_hash == claimed.parameters_hash,
            m.generator_version == version,
        )
        .order_by(m.finished_at.desc(), m.mesh_id)
        .limit(1)
    )
    return None if found is None else read_mesh(connection, found)


def has_rested(now: dt.datetime) -> sa.ColumnElement[bool]:
    """The condition that a mesh may be tried now, also where a clock has jumped since it failed."""
    return sa.or_(
        m.next_try_at.is_(None),
        m.next_try_at <= now,
        is_impossible(m.next_try_at, now, LONGEST_REST_S),
    )


def is_held(claimed: Mesh) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that a claim is the newest one of a running mesh."""
    return (
        m.mesh_id == claimed.mesh_id,
        m.epoch == claimed.epoch,
        m.status == MeshStatus.RUNNING.value,
    )


def stale(claimed: Mesh) -> str:
    """The message about a claim that was lost."""
    return f"the mesh {claimed.mesh_id} was taken over by another worker; nothing was written"
