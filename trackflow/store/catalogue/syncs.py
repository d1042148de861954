"""Syncs of the catalogue: the running one of a source, the ended ones, the undoable ones."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError
from trackflow.store.catalogue.checkpoints import drop_checkpoints
from trackflow.store.catalogue.tables import catalogue_changes, catalogue_syncs
from trackflow.store.dialects import insert_into

s = catalogue_syncs.c
h = catalogue_changes.c

LOCK_KEY = 0x63617461
"""Half of the key of PostgreSQL's advisory lock on a source: any constant."""


UNDOABLE = 30
"""How many syncs of a source can be undone; the record of one may take some megabytes."""


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync, without its checkpoints; columns by their names.

    Attributes:
        sync_id: its id, that of its job.
        source: the source's name.
        outcome: running, completed, stopped_for_approval, refused, failed or cancelled.
        number: its number among the syncs that changed the source; None if it changed nothing.
        started_at: UTC.
        finished_at: UTC; None while it runs.
        undone_at: when its changes were undone, UTC; None if they were not.
        listed_at: when its list was fetched, UTC; None without checkpoints.
        report: what it found and changed; None while it runs.
    """

    sync_id: uuid.UUID
    source: str
    outcome: str
    number: int | None
    started_at: dt.datetime
    finished_at: dt.datetime | None
    undone_at: dt.datetime | None
    listed_at: dt.datetime | None
    report: dict[str, Any] | None


_SYNC = [s[name] for name in Sync.__dataclass_fields__]


def lock_source(connection: Connection, source: str) -> None:
    """Keep other transactions from beginning, ending or undoing a sync of this source.

    The lock lasts until the end of the transaction. On SQLite there is only one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY, sa.func.hashtext(source)))
        )


def later_syncs_of_same_rows(connection: Connection, sync: Sync) -> list[Sync]:
    """Syncs that changed a row after this one did and were not undone, the newest first."""
    mine = sa.select(h.slug).where(h.sync_id == sync.sync_id)
    later = sa.select(h.sync_id).where(h.source == sync.source, h.slug.in_(mine))
    query = (
        sa.select(*_SYNC)
        .where(
            s.source == sync.source,
            s.number > sync.number,
            s.undone_at.is_(None),
            s.sync_id.in_(later),
        )
        .order_by(s.number.desc())
    )
    return [_sync(row) for row in connection.execute(query)]


def mark_undone(connection: Connection, sync_id: uuid.UUID, now: dt.datetime) -> None:
    """Mark a sync's changes as undone."""
    connection.execute(sa.update(catalogue_syncs).where(s.sync_id == sync_id).values(undone_at=now))


def read_sync(connection: Connection, sync_id: uuid.UUID) -> Sync:
    """A sync.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = find_sync(connection, sync_id)
    if found is None:
        raise NotFoundError(f"there is no sync {sync_id}; see `trackflow catalogue status`")
    return found


def find_sync(connection: Connection, sync_id: uuid.UUID) -> Sync | None:
    """A sync, None if there is none of this id."""
    row = connection.execute(sa.select(*_SYNC).where(s.sync_id == sync_id)).one_or_none()
    return None if row is None else _sync(row)


def running_sync(connection: Connection, source: str) -> Sync | None:
    """The running sync of a source; its worker may be dead."""
    query = sa.select(*_SYNC).where(s.source == source, s.outcome == "running")
    row = connection.execute(query).one_or_none()
    return None if row is None else _sync(row)


def last_syncs(connection: Connection, source: str, limit: int) -> list[Sync]:
    """The last syncs of a source that have ended, the newest first."""
    query = (
        sa.select(*_SYNC)
        .where(s.source == source, s.outcome != "running")
        .order_by(s.started_at.desc(), s.finished_at.desc(), s.number.desc().nulls_last())
        .limit(limit)
    )
    return [_sync(row) for row in connection.execute(query)]


def last_applied(connection: Connection, source: str) -> Sync | None:
    """The last sync that has changed rows and was not undone."""
    has_changes = sa.exists().where(h.sync_id == s.sync_id)
    query = (
        sa.select(*_SYNC)
        .where(s.source == source, s.number.is_not(None), s.undone_at.is_(None), has_changes)
        .order_by(s.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _sync(row)


def last_completed(connection: Connection) -> dict[str, dt.datetime]:
    """When a sync of each source was last completed."""
    query = (
        sa.select(s.source, sa.func.max(s.finished_at).label("at"))
        .where(s.outcome == "completed")
        .group_by(s.source)
    )
    return {row.source: row.at for row in connection.execute(query)}


def record_refused(
    connection: Connection,
    sync_id: uuid.UUID,
    source: str,
    report: Mapping[str, Any],
    started_at: dt.datetime,
    now: dt.datetime,
) -> None:
    """Store a sync that was refused before it began.

    Args:
        connection: in a transaction for writing.
        sync_id: the sync.
        source: the source's name.
        report: why it was refused.
        started_at: UTC.
        now: the time, UTC.
    """
    values = {"outcome": "refused", "report": dict(report), "finished_at": now}
    insert = insert_into(connection, catalogue_syncs).values(
        sync_id=sync_id, source=source, started_at=started_at, **values
    )
    connection.execute(insert.on_conflict_do_update(index_elements=[s.sync_id], set_=values))


def begin_sync(connection: Connection, sync_id: uuid.UUID, source: str, now: dt.datetime) -> Sync:
    """Begin a sync of a source: a new one, or one that had ended without changing anything.

    Args:
        connection: in a transaction for writing; the source is locked.
        sync_id: the sync.
        source: the source's name.
        now: the time, UTC.
    """
    insert = insert_into(connection, catalogue_syncs).values(
        sync_id=sync_id, source=source, started_at=now
    )
    again = {"outcome": "running", "finished_at": None, "report": sa.null()}
    connection.execute(insert.on_conflict_do_update(index_elements=[s.sync_id], set_=again))
    return read_sync(connection, sync_id)


def end_sync(
    connection: Connection,
    sync_id: uuid.UUID,
    outcome: str,
    report: Mapping[str, Any] | None,
    now: dt.datetime,
    *,
    keep_checkpoints: bool = False,
) -> None:
    """Store how a sync ended, and delete its checkpoints unless they are to be kept.

    Args:
        connection: in a transaction for writing; the source is locked.
        sync_id: the sync.
        outcome: completed, stopped_for_approval, refused, failed or cancelled.
        report: what it found and changed; None without one.
        now: the time, UTC.
        keep_checkpoints: whether another worker or sync is to continue with its pages.
    """
    if not keep_checkpoints:
        drop_checkpoints(connection, sync_id)
    connection.execute(
        sa.update(catalogue_syncs)
        .where(s.sync_id == sync_id)
        .values(outcome=outcome, report=report, finished_at=now)
    )


def number_sync(connection: Connection, sync: Sync) -> None:
    """Give a sync the next number in the order of changes; the caller has locked the source."""
    newest = sa.select(sa.func.coalesce(sa.func.max(s.number), 0) + 1).where(
        s.source == sync.source
    )
    number = connection.scalar(newest)
    connection.execute(
        sa.update(catalogue_syncs).where(s.sync_id == sync.sync_id).values(number=number)
    )


def is_undoable(connection: Connection, sync: Sync) -> bool:
    """Whether the record of a sync's changes still exists."""
    newest = connection.scalar(sa.select(sa.func.max(s.number)).where(s.source == sync.source))
    return newest is not None and sync.number is not None and sync.number > newest - UNDOABLE


def _sync(row: sa.Row[Any]) -> Sync:
    return Sync(**row._mapping)
