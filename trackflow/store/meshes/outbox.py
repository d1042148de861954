"""Callbacks that wait to be sent: one row per mesh whose requester wants to be notified.

A row holds what its receiver has got; a mesh that differs from it is due. So no callback can be
lost between a change and its note, whatever kills the process that made the change, and of many
changes the receiver hears the newest.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.clocks import is_impossible
from trackflow.store.dialects import insert_into
from trackflow.store.meshes.callback_tables import outbox
from trackflow.store.meshes.tables import meshes

o = outbox.c
m = meshes.c

LONGEST_WAIT_S = 3600.0
"""No row waits longer for its next try; a time further ahead was set by a wrong clock."""

MESSAGE_PREFIX = "msg_"


@dataclass(frozen=True, slots=True)
class DueCallback:
    """A callback that is to be sent now.

    Attributes:
        mesh_id: of the mesh.
        address: where it goes.
        host: of the address, with its port.
        base_url: of this service, as the requester reaches it.
        sequence: orders the callbacks of a mesh.
        message_id: the same for each try of this callback.
        status: that it tells.
        progress: that it tells.
        tries: that failed.
        changed_at: since when it is due, UTC.
    """

    mesh_id: str
    address: str
    host: str
    base_url: str
    sequence: int
    message_id: str
    status: str
    progress: float
    tries: int
    changed_at: dt.datetime


def register(
    connection: Connection,
    mesh_id: str,
    address: str,
    now: dt.datetime,
    *,
    host: str,
    base_url: str,
) -> None:
    """Note where callbacks of a mesh go; again, a receiver that was given up is tried again.

    Args:
        connection: in a transaction for writing.
        mesh_id: of the mesh.
        address: the receiver's.
        now: the time, UTC.
        host: of the address, with its port.
        base_url: of this service, as the requester reaches it.
    """
    values = {"address": address, "host": host, "base_url": base_url, "next_try_at": now}
    insert = insert_into(connection, outbox).values(mesh_id=mesh_id, created_at=now, **values)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[o.mesh_id],
            set_={**values, "tries": 0, "given_up_at": None, "changed_at": now},
        )
    )


def take_due(connection: Connection, now: dt.datetime, hold_s: float) -> DueCallback | None:
    """The callback that is due first, held for so many seconds; None if none is due.

    Args:
        connection: in a transaction for writing.
        now: the time, UTC.
        hold_s: no other process sends it within this time.
    """
    differs = sa.or_(
        o.seen_status.is_(None),
        o.seen_status != _reported_status(),
        o.seen_progress != m.progress,
        o.sequence > o.taken_sequence,
    )
    rested = sa.or_(o.next_try_at <= now, is_impossible(o.next_try_at, now, LONGEST_WAIT_S))
    row = connection.execute(
        sa.select(
            *(o[name] for name in ("mesh_id", "address", "host", "base_url", "sequence", "tries")),
            *(o[name] for name in ("message_id", "changed_at", "seen_status", "seen_progress")),
            _reported_status().label("status"),
            m.progress,
        )
        .join_from(outbox, meshes, m.mesh_id == o.mesh_id)
        .where(o.given_up_at.is_(None), rested, differs)
        .order_by(o.next_try_at, o.mesh_id)
        .limit(1)
        .with_for_update(skip_locked=True, of=outbox)
    ).one_or_none()
    if row is None:
        return None
    is_new = (row.seen_status, row.seen_progress) != (row.status, row.progress)
    due = DueCallback(
        row.mesh_id,
        row.address,
        row.host,
        row.base_url,
        row.sequence + is_new,
        MESSAGE_PREFIX + uuid.uuid4().hex if is_new or not row.message_id else row.message_id,
        row.status,
        row.progress,
        0 if is_new else row.tries,
        now if is_new or row.changed_at is None else row.changed_at,
    )
    connection.execute(
        sa.update(outbox)
        .where(o.mesh_id == row.mesh_id)
        .values(
            sequence=due.sequence,
            message_id=due.message_id,
            seen_status=due.status,
            seen_progress=due.progress,
            tries=due.tries,
            changed_at=due.changed_at,
            next_try_at=now + dt.timedelta(seconds=hold_s),
        )
    )
    return due


def note_taken(
    connection: Connection, sent: DueCallback, now: dt.datetime, *, rest_s: float
) -> None:
    """Note that a receiver has taken a callback; the mesh's next one waits `rest_s` seconds."""
    connection.execute(
        sa.update(outbox)
        .where(o.mesh_id == sent.mesh_id, o.message_id == sent.message_id)
        .values(
            taken_sequence=sent.sequence,
            tries=0,
            last_error=None,
            next_try_at=now + dt.timedelta(seconds=rest_s),
        )
    )


def note_failed(
    connection: Connection, sent: DueCallback, error: str, now: dt.datetime, *, rest_s: float
) -> None:
    """Note a failed try. All callbacks to the host rest: it is most likely away for all of them.

    Args:
        connection: in a transaction for writing.
        sent: the callback.
        error: why, for people.
        now: the time, UTC.
        rest_s: until the next try.
    """
    next_try_at = now + dt.timedelta(seconds=rest_s)
    connection.execute(
        sa.update(outbox)
        .where(o.host == sent.host, o.next_try_at < next_try_at, o.given_up_at.is_(None))
        .values(next_try_at=next_try_at)
    )
    connection.execute(
        sa.update(outbox)
        .where(o.mesh_id == sent.mesh_id, o.message_id == sent.message_id)
        .values(tries=sent.tries + 1, last_error=error, next_try_at=next_try_at)
    )


def give_up(connection: Connection, sent: DueCallback, error: str, now: dt.datetime) -> None:
    """Send nothing more about a mesh."""
    connection.execute(
        sa.update(outbox)
        .where(o.mesh_id == sent.mesh_id, o.message_id == sent.message_id)
        .values(given_up_at=now, last_error=error)
    )


def count_waiting(connection: Connection) -> int:
    """Callbacks that are still to be sent."""
    query = (
        sa.select(sa.func.count())
        .select_from(outbox.join(meshes, m.mesh_id == o.mesh_id))
        .where(
            o.given_up_at.is_(None),
            sa.or_(
                o.seen_status.is_(None),
                o.seen_status != _reported_status(),
                o.sequence > o.taken_sequence,
            ),
        )
    )
    return connection.scalar(query) or 0


def delete_old(connection: Connection, before: dt.datetime) -> int:
    """Delete rows of meshes that are not there any more; returns how many."""
    gone = ~sa.exists().where(m.mesh_id == o.mesh_id)
    done = connection.execute(sa.delete(outbox).where(o.created_at < before, gone))
    return done.rowcount


def _reported_status() -> "sa.ColumnElement[str]":
    """The status of a mesh for the outside: retired is an affair of cleaning."""
    return sa.case(
        (m.status != "retired", m.status),
        (m.error_kind.is_(None), "completed"),
        else_="failed",
    )
