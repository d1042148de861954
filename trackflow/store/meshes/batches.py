"""Rows of batches of meshes; the batch's job has the same id."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError
from trackflow.store.dialects import insert_into
from trackflow.store.meshes.tables import mesh_batches

b = mesh_batches.c


@dataclass(frozen=True, slots=True)
class MeshBatch:
    """A batch; columns by their names.

    Attributes:
        batch_id: its id, and that of its job.
        kind: mesh_batch or mesh_sync.
        status: running, completed, failed or cancelled.
        project: that it belongs to.
        user_name: of the person who asked.
        total: meshes in all.
        completed: of these, when it ended.
        failed: of these, when it ended.
        created_at: UTC.
        finished_at: UTC.
        notified_at: when the message about its end was sent, UTC.
    """

    batch_id: uuid.UUID
    kind: str
    status: str
    project: str | None
    user_name: str | None
    total: int
    completed: int
    failed: int
    created_at: dt.datetime
    finished_at: dt.datetime | None
    notified_at: dt.datetime | None


_COLUMNS = [b[name] for name in MeshBatch.__dataclass_fields__]


def add_batch(
    connection: Connection,
    batch_id: uuid.UUID,
    kind: str,
    now: dt.datetime,
    *,
    project: str | None = None,
    user_name: str | None = None,
    total: int = 0,
) -> None:
    """Insert a batch, unless it is there.

    Args:
        connection: in a transaction for writing.
        batch_id: its id, and that of its job.
        kind: mesh_batch or mesh_sync.
        now: the time, UTC.
        project: that it belongs to.
        user_name: of the person who asked.
        total: meshes in all.
    """
    insert = insert_into(connection, mesh_batches).values(
        batch_id=batch_id,
        kind=kind,
        created_at=now,
        project=project,
        user_name=user_name,
        total=total,
    )
    connection.execute(insert.on_conflict_do_nothing())


def find_batch(connection: Connection, batch_id: uuid.UUID) -> MeshBatch | None:
    """A batch; None if there is none of this id."""
    row = connection.execute(sa.select(*_COLUMNS).where(b.batch_id == batch_id)).one_or_none()
    return None if row is None else MeshBatch(**row._mapping)


def read_batch(connection: Connection, batch_id: uuid.UUID) -> MeshBatch:
    """A batch.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = find_batch(connection, batch_id)
    if found is None:
        raise NotFoundError(f"there is no batch {batch_id} of meshes; see `trackflow jobs list`")
    return found


def change_batch(connection: Connection, batch_id: uuid.UUID, **values: Any) -> None:
    """Change columns of a batch."""
    connection.execute(sa.update(mesh_batches).where(b.batch_id == batch_id).values(values))
