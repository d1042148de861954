"""Claims on meshes: the right to make one until the lease ends, and what came of it.

A claim is a lease with an epoch, as for batches of days: a worker checks its epoch in the
transaction in which it publishes, so one that lost its lease changes nothing.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import StaleClaimError
from trackflow.store.clocks import is_impossible, is_over
from trackflow.store.meshes import usage
from trackflow.store.meshes.mesh_state import LONGEST_REST_S, next_try
from trackflow.store.meshes.meshes import Mesh, MeshFile, MeshStatus, lock, read_mesh
from trackflow.store.meshes.tables import mesh_files, mesh_images, meshes
from trackflow.store.meshes.usage import UsageEntry

m = meshes.c

LONGEST_LEASE_S = 86_400.0

MOST_RUNNING = 10
"""Meshes that are made at once, by all processes together."""

BY_SYNC = 2
"""Priority of meshes that a sync has asked for; a newer mesh of the image replaces them."""

DIED = (
    "its worker was not heard of until its lease ended: killed (was there enough memory?) or stuck"
)


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


@dataclass(frozen=True, slots=True)
class MeshResult:
    """What was made.

    Attributes:
        content_hash: SHA-256 of the image.
        generator_version: that made it.
        report: as JSON.
        files: in the storage.
        pixels: of the image; None if unknown.
        seconds: that it took.
        peak_memory_bytes: that it took; None if unknown.
    """

    content_hash: str
    generator_version: str
    report: Mapping[str, Any]
    files: Sequence[MeshFile]
    pixels: int | None
    seconds: float
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class MeshFailure:
    """Why a try failed.

    Attributes:
        kind: by which it is decided whether another try helps.
        message: for people.
        content_hash: of the image; None if it was not read.
        generator_version: that failed.
        seconds: that the try took.
    """

    kind: str
    message: str
    content_hash: str | None = None
    generator_version: str | None = None
    seconds: float = 0.0


def free_abandoned(connection: Connection, now: dt.datetime, lease_s: float) -> int:
    """Count a failed try of each mesh whose worker is gone; returns how many there were.

    Without the count, an image that kills every worker would do so for ever.
    """
    lock(connection)
    found = sa.select(m.mesh_id).where(
        m.status == MeshStatus.RUNNING.value, is_over(m.lease_until, now, lease_s)
    )
    ids = list(connection.scalars(found.order_by(m.mesh_id).with_for_update()))
    for mesh_id in ids:
        _settle_failure(connection, read_mesh(connection, mesh_id), MeshFailure("died", DIED), now)
    return len(ids)


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
    rested = sa.or_(
        m.next_try_at.is_(None),
        m.next_try_at <= now,
        is_impossible(m.next_try_at, now, LONGEST_REST_S),
    )
    twin = meshes.alias("twin")
    # the same mesh is being made: once it is there, it is taken over without making it again
    has_twin = sa.exists().where(
        twin.c.status == MeshStatus.RUNNING.value,
        twin.c.image_key == m.image_key,
        twin.c.parameters_hash == m.parameters_hash,
    )
    conditions = [m.status == MeshStatus.QUEUED.value, rested, ~has_twin]
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
        .where(*_is_held(claimed))
        .values(progress=higher, step=step, lease_until=now + dt.timedelta(seconds=lease_s))
        .returning(m.cancel_requested)
    ).one_or_none()
    if row is None:
        raise StaleClaimError(_stale(claimed))
    return bool(row[0])


def note_image(
    connection: Connection, claimed: Mesh, content_hash: str, pixels: int | None
) -> None:
    """Note what the image of a claimed mesh turned out to be.

    Raises:
        StaleClaimError: it was taken over.
    """
    changed = connection.execute(
        sa.update(meshes).where(*_is_held(claimed)).values(content_hash=content_hash, pixels=pixels)
    )
    if changed.rowcount != 1:
        raise StaleClaimError(_stale(claimed))


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


def publish(connection: Connection, claimed: Mesh, made: MeshResult, now: dt.datetime) -> None:
    """Write a mesh as completed and retire those that it replaces.

    Args:
        connection: in a transaction for writing, in which the caller has called `lock`.
        claimed: the mesh, with the epoch of its claim.
        made: the result.
        now: the time, UTC.

    Raises:
        StaleClaimError: it was taken over; the transaction must not commit.
    """
    _hold(connection, claimed)
    size_bytes = sum(file.size_bytes for file in made.files)
    connection.execute(sa.delete(mesh_files).where(mesh_files.c.mesh_id == claimed.mesh_id))
    if made.files:
        connection.execute(
            sa.insert(mesh_files),
            [
                {
                    "mesh_id": claimed.mesh_id,
                    "name": file.name,
                    "stored_name": file.stored_name,
                    "size_bytes": file.size_bytes,
                    "sha256": file.sha256,
                }
                for file in made.files
            ],
        )
    _settle(
        connection,
        claimed,
        status=MeshStatus.COMPLETED.value,
        content_hash=made.content_hash,
        generator_version=made.generator_version,
        report=dict(made.report),
        pixels=made.pixels,
        size_bytes=size_bytes,
        seconds=made.seconds,
        peak_memory_bytes=made.peak_memory_bytes,
        progress=1.0,
        step=None,
        error_kind=None,
        error_message=None,
        next_try_at=None,
        finished_at=now,
    )
    _retire_replaced(connection, claimed, made, now)
    entry = UsageEntry("completed", 1, size_bytes, made.seconds)
    usage.add(connection, now, claimed.project, entry)


def fail(connection: Connection, claimed: Mesh, failure: MeshFailure, now: dt.datetime) -> bool:
    """Count a failed try; returns whether it was the last one.

    Raises:
        StaleClaimError: it was taken over.
    """
    lock(connection)
    _hold(connection, claimed)
    return _settle_failure(connection, read_mesh(connection, claimed.mesh_id), failure, now)


def end_cancelled(connection: Connection, claimed: Mesh, now: dt.datetime) -> None:
    """End a mesh whose cancelling was requested.

    Raises:
        StaleClaimError: it was taken over.
    """
    _hold(connection, claimed)
    _settle(
        connection,
        claimed,
        status=MeshStatus.CANCELLED.value,
        finished_at=now,
        next_try_at=None,
        step=None,
    )


def give_back(connection: Connection, claimed: Mesh, message: str) -> None:
    """Queue a mesh again untried, such as when its worker stops.

    Raises:
        StaleClaimError: it was taken over.
    """
    _hold(connection, claimed)
    _settle(connection, claimed, status=MeshStatus.QUEUED.value, step=None, error_message=message)


def _settle_failure(
    connection: Connection, mesh: Mesh, failure: MeshFailure, now: dt.datetime
) -> bool:
    tries = mesh.tries + 1
    # a worker that died while a person cancelled its mesh must not bring it back
    following = None if mesh.cancel_requested else next_try(tries, failure.kind, now)
    status = MeshStatus.FAILED if following is None else MeshStatus.QUEUED
    if mesh.cancel_requested:
        status = MeshStatus.CANCELLED
    _settle(
        connection,
        mesh,
        status=status.value,
        tries=tries,
        next_try_at=following,
        error_kind=mesh.error_kind if mesh.cancel_requested else failure.kind,
        error_message=mesh.error_message if mesh.cancel_requested else failure.message,
        content_hash=failure.content_hash or mesh.content_hash,
        generator_version=failure.generator_version,
        seconds=failure.seconds,
        step=None,
        finished_at=now if following is None else None,
    )
    if status is MeshStatus.FAILED:
        entry = UsageEntry(failure.kind, 1, 0, failure.seconds)
        usage.add(connection, now, mesh.project, entry)
    return following is None


def _retire_replaced(
    connection: Connection, claimed: Mesh, made: MeshResult, now: dt.datetime
) -> None:
    """Retire earlier meshes of the image that nobody needs beside this one.

    That is one of the same parameters that failed or is out of date; an equal one, asked for under
    another id, stays. Where this is the mesh that a sync keeps, its earlier ones go too.
    """
    wanted = sa.select(mesh_images.c.parameters_hash).where(
        mesh_images.c.image_key == claimed.image_key
    )
    is_wanted = wanted.scalar_subquery() == claimed.parameters_hash
    is_outdated = sa.or_(
        m.status == MeshStatus.FAILED.value,
        m.content_hash != made.content_hash,
        m.generator_version != made.generator_version,
    )
    connection.execute(
        sa.update(meshes)
        .where(
            m.image_key == claimed.image_key,
            m.mesh_id != claimed.mesh_id,
            m.status.in_((MeshStatus.COMPLETED.value, MeshStatus.FAILED.value)),
            m.created_at <= claimed.created_at,
            sa.or_(
                sa.and_(m.parameters_hash == claimed.parameters_hash, is_outdated),
                sa.and_(m.priority == BY_SYNC, is_wanted),
            ),
        )
        .values(status=MeshStatus.RETIRED.value, retired_at=now)
    )


def _is_held(claimed: Mesh) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        m.mesh_id == claimed.mesh_id,
        m.epoch == claimed.epoch,
        m.status == MeshStatus.RUNNING.value,
    )


def _hold(connection: Connection, claimed: Mesh) -> None:
    held = sa.select(m.mesh_id).where(*_is_held(claimed)).with_for_update()
    if connection.execute(held).one_or_none() is None:
        raise StaleClaimError(_stale(claimed))


def _settle(connection: Connection, mesh: Mesh, **values: Any) -> None:
    values = {"lease_until": None, "cancel_requested": False, **values}
    connection.execute(sa.update(meshes).where(m.mesh_id == mesh.mesh_id).values(values))


def _stale(claimed: Mesh) -> str:
    return f"the mesh {claimed.mesh_id} was taken over by another worker; nothing was written"
