"""Rows of meshes: queue, read, list, retry, cancel and retire them.

A mesh is queued, then running, then completed, failed or cancelled; one that has become useless is
retired, and cleanup deletes it. Claims and results: `store.meshes.claims`.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError
from trackflow.store.dialects import insert_into
from trackflow.store.meshes.mesh_state import BATCH_CANCELLED
from trackflow.store.meshes.tables import mesh_files, mesh_images, meshes

m = meshes.c
f = mesh_files.c

LOCK_KEY = 0x6D657368
"""Key of PostgreSQL's advisory lock of those who claim, publish or clean up. SQLite has one writer
at a time anyway."""


class MeshStatus(StrEnum):
    """The status of a mesh."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class MeshFile:
    """A file of a mesh.

    Attributes:
        name: such as `mesh.glb`.
        stored_name: in the storage.
        size_bytes: its size.
        sha256: of its bytes.
    """

    name: str
    stored_name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh as it is stored; columns by their names.

    Attributes:
        mesh_id: its id.
        image_key: of its image.
        image_name: the name of its image.
        image_url: where its image is fetched from; None for a file.
        parameters: what is asked, as JSON.
        parameters_hash: of these.
        content_hash: SHA-256 of the image, of the last try.
        generator_version: of the last try.
        status: its status.
        priority: 0 a person waits, 1 a batch, 2 a sync.
        batch_id: of the batch that it belongs to.
        project: that it belongs to.
        user_name: of the person who asked.
        progress: done share from 0 to 1.
        step: that it is at.
        tries: failed ones so far.
        next_try_at: no try before this time, UTC.
        lease_until: its worker has died if it is running after this time, UTC.
        epoch: of the last claim.
        cancel_requested: whether a person wants its work to end.
        error_kind: of the last failure.
        error_message: of the last failure, for people.
        report: of the finished mesh, as JSON.
        pixels: of its image; None if unknown.
        size_bytes: of its files together.
        seconds: that making it took.
        peak_memory_bytes: that making it took; None if unknown.
        idempotency_key: of the request; a second request with it gives this mesh.
        created_at: when it was queued, UTC.
        started_at: when it was first claimed, UTC.
        finished_at: when it ended, UTC.
        notified_at: when a message about its end was sent, UTC.
    """

    mesh_id: str
    image_key: str
    image_name: str
    image_url: str | None
    parameters: dict[str, Any]
    parameters_hash: str
    content_hash: str | None
    generator_version: str | None
    status: MeshStatus
    priority: int
    batch_id: uuid.UUID | None
    project: str | None
    user_name: str | None
    progress: float
    step: str | None
    tries: int
    next_try_at: dt.datetime | None
    lease_until: dt.datetime | None
    epoch: int
    cancel_requested: bool
    error_kind: str | None
    error_message: str | None
    report: dict[str, Any] | None
    pixels: int | None
    size_bytes: int
    seconds: float | None
    peak_memory_bytes: int | None
    idempotency_key: str | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    notified_at: dt.datetime | None


_OF_IMAGE = {"image_name": mesh_images.c.name, "image_url": mesh_images.c.address}
_COLUMNS = [
    _OF_IMAGE[field.name].label(field.name) if field.name in _OF_IMAGE else m[field.name]
    for field in fields(Mesh)
]


def lock(connection: Connection) -> None:
    """Let no other process claim, publish or clean up until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))


def query() -> sa.Select[Any]:
    """A query for meshes with what their images say."""
    joined = meshes.outerjoin(mesh_images, mesh_images.c.image_key == m.image_key)
    return sa.select(*_COLUMNS).select_from(joined)


def mesh_of(row: sa.Row[Any]) -> Mesh:
    """A mesh from a row of `query`."""
    values = dict(row._mapping)
    values["status"] = MeshStatus(values["status"])
    values["image_name"] = values["image_name"] or values["image_key"]
    return Mesh(**values)


def add_mesh(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Queue a mesh; False if there is one with its id or its idempotency key."""
    insert = insert_into(connection, meshes).values(dict(values)).on_conflict_do_nothing()
    return connection.execute(insert.returning(m.mesh_id)).one_or_none() is not None


def find_mesh(connection: Connection, mesh_id: str) -> Mesh | None:
    """A mesh; None if there is none of this id."""
    row = connection.execute(query().where(m.mesh_id == mesh_id)).one_or_none()
    return None if row is None else mesh_of(row)


def read_mesh(connection: Connection, mesh_id: str) -> Mesh:
    """A mesh.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = find_mesh(connection, mesh_id)
    if found is None:
        raise NotFoundError(f"there is no mesh {mesh_id[:100]}; see `trackflow mesh list`")
    return found


def by_idempotency_key(connection: Connection, key: str) -> Mesh | None:
    """The mesh that a request with this key has queued."""
    row = connection.execute(query().where(m.idempotency_key == key)).one_or_none()
    return None if row is None else mesh_of(row)


def list_meshes(
    connection: Connection,
    *,
    statuses: Sequence[MeshStatus] = (),
    image_key: str | None = None,
    project: str | None = None,
    batch_id: uuid.UUID | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Mesh]:
    """Meshes, the newest first.

    Args:
        connection: to the store.
        statuses: of these only; empty for all.
        image_key: of this image only.
        project: of this project only.
        batch_id: of this batch only.
        limit: the largest number.
        before: the id of the last mesh of the page before; None for the first page.
    """
    found = query().order_by(m.created_at.desc(), m.mesh_id.desc()).limit(limit)
    if statuses:
        found = found.where(m.status.in_([status.value for status in statuses]))
    for column, value in ((m.image_key, image_key), (m.project, project), (m.batch_id, batch_id)):
        if value is not None:
            found = found.where(column == value)
    if before is not None:
        last = sa.select(m.created_at).where(m.mesh_id == before).scalar_subquery()
        found = found.where(
            sa.or_(m.created_at < last, sa.and_(m.created_at == last, m.mesh_id < before))
        )
    return [mesh_of(row) for row in connection.execute(found)]


def files_of(connection: Connection, mesh_id: str) -> list[MeshFile]:
    """The files of a mesh by name."""
    found = sa.select(f.name, f.stored_name, f.size_bytes, f.sha256).where(f.mesh_id == mesh_id)
    return [MeshFile(*row) for row in connection.execute(found.order_by(f.name))]


def count_by_status(
    connection: Connection, batch_id: uuid.UUID | None = None
) -> dict[MeshStatus, int]:
    """How many meshes have each status, in all or of one batch."""
    found = sa.select(m.status, sa.func.count()).group_by(m.status)
    if batch_id is not None:
        found = found.where(m.batch_id == batch_id)
    return {MeshStatus(status): count for status, count in connection.execute(found)}


def retry(connection: Connection, mesh_ids: Sequence[str]) -> int:
    """Queue failed, cancelled or retired meshes again, with all their tries; returns how many."""
    ended = [status.value for status in (MeshStatus.FAILED, MeshStatus.CANCELLED)]
    changed = 0
    for mesh_id in mesh_ids:
        changed += connection.execute(
            sa.update(meshes).where(m.mesh_id == mesh_id, m.status.in_(ended)).values(_QUEUED_AGAIN)
        ).rowcount
    return changed


def resume_batch(connection: Connection, batch_id: uuid.UUID) -> None:
    """Queue the meshes again that were cancelled with their batch."""
    connection.execute(
        sa.update(meshes)
        .where(
            m.batch_id == batch_id,
            m.status == MeshStatus.CANCELLED.value,
            m.error_kind == BATCH_CANCELLED,
        )
        .values(_QUEUED_AGAIN)
    )


_QUEUED_AGAIN = {
    "status": MeshStatus.QUEUED.value,
    "tries": 0,
    "next_try_at": None,
    "cancel_requested": False,
    "error_kind": None,
    "error_message": None,
    "finished_at": None,
    "notice_until": None,
    "notified_at": None,
}


def cancel(connection: Connection, mesh_id: str, now: dt.datetime) -> None:
    """Cancel a mesh: at once if it waits, else within seconds. One that has ended stays."""
    _cancel(connection, m.mesh_id == mesh_id, now, "a person has cancelled it", None)


def cancel_batch(connection: Connection, batch_id: uuid.UUID, now: dt.datetime) -> None:
    """Cancel the meshes of a batch that have not ended."""
    of_batch = m.batch_id == batch_id
    _cancel(connection, of_batch, now, "its batch was cancelled", BATCH_CANCELLED)


def _cancel(
    connection: Connection,
    which: sa.ColumnElement[bool],
    now: dt.datetime,
    message: str,
    kind: str | None,
) -> None:
    connection.execute(
        sa.update(meshes)
        .where(which, m.status == MeshStatus.QUEUED.value)
        .values(
            status=MeshStatus.CANCELLED.value,
            epoch=m.epoch + 1,
            finished_at=now,
            error_kind=kind,
            error_message=message,
        )
    )
    connection.execute(
        sa.update(meshes)
        .where(which, m.status == MeshStatus.RUNNING.value)
        .values(cancel_requested=True, error_kind=kind, error_message=message)
    )


def retire(connection: Connection, mesh_ids: Iterable[str], now: dt.datetime) -> int:
    """Retire meshes that nobody works on; returns how many."""
    changed = 0
    for mesh_id in mesh_ids:
        changed += connection.execute(
            sa.update(meshes)
            .where(
                m.mesh_id == mesh_id,
                m.status.not_in((MeshStatus.RUNNING.value, MeshStatus.RETIRED.value)),
            )
            .values(status=MeshStatus.RETIRED.value, epoch=m.epoch + 1, retired_at=now)
        ).rowcount
    return changed
