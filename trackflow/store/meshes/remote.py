"""What a mesh service has reported: the newest state of each mesh that it makes for us."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import insert_into
from trackflow.store.meshes.callback_tables import received_callbacks, remote_meshes

r = remote_meshes.c
c = received_callbacks.c


@dataclass(frozen=True, slots=True)
class RemoteMesh:
    """The state of a mesh at the service.

    Attributes:
        mesh_id: the service's id.
        sequence: of the callback that reported it.
        status: queued, running, completed, failed or cancelled.
        progress: done share from 0 to 1.
        step: that it is at.
    """

    mesh_id: str
    sequence: int
    status: str
    progress: float
    step: str | None


def take(connection: Connection, message_id: str, reported: RemoteMesh, now: dt.datetime) -> bool:
    """Note what a callback tells; False if it changes nothing: a repeated or a late one.

    Args:
        connection: in a transaction for writing.
        message_id: of the callback; the same in each repetition.
        reported: the state of a mesh.
        now: the time, UTC.
    """
    first = insert_into(connection, received_callbacks).values(
        message_id=message_id, received_at=now
    )
    # RETURNING, as psycopg has no row count of an INSERT once its result is closed
    new = first.on_conflict_do_nothing().returning(c.message_id)
    if connection.execute(new).one_or_none() is None:
        return False
    values = {
        "sequence": reported.sequence,
        "status": reported.status,
        "progress": reported.progress,
        "step": reported.step,
        "updated_at": now,
    }
    insert = insert_into(connection, remote_meshes).values(mesh_id=reported.mesh_id, **values)
    changed = insert.on_conflict_do_update(
        index_elements=[r.mesh_id], set_=values, where=r.sequence < reported.sequence
    )
    return connection.execute(changed.returning(r.mesh_id)).one_or_none() is not None


def find(connection: Connection, mesh_id: str) -> RemoteMesh | None:
    """What was reported of a mesh; None if nothing was."""
    query = sa.select(*(r[name] for name in RemoteMesh.__dataclass_fields__))
    row = connection.execute(query.where(r.mesh_id == mesh_id)).one_or_none()
    return None if row is None else RemoteMesh(*row)


def delete_old(connection: Connection, before: dt.datetime) -> int:
    """Delete what was received before a time; returns how many rows."""
    ids = connection.execute(sa.delete(received_callbacks).where(c.received_at < before))
    states = connection.execute(sa.delete(remote_meshes).where(r.updated_at < before))
    return ids.rowcount + states.rowcount
