"""The changes of each sync: whole rows, before and after, so that it can be undone exactly."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.catalogue import syncs
from trackflow.store.catalogue.tables import catalogue_changes, catalogue_syncs
from trackflow.store.catalogue.tracks import CatalogueRow, in_batches, write_rows

s = catalogue_syncs.c
h = catalogue_changes.c

type ChangeKind = Literal["added", "changed", "reactivated", "deactivated", "missed", "found"]


@dataclass(frozen=True, slots=True)
class RowChange:
    """The change of a row by a sync.

    Attributes:
        kind: "missed" and "found" count misses only; the others are as in the report.
        before: the old row; None for a new one.
        after: the new row.
    """

    kind: ChangeKind
    before: CatalogueRow | None
    after: CatalogueRow

    @property
    def slug(self) -> str:
        """The track's slug."""
        return self.after.track.slug


def write_changes(
    connection: Connection, sync_id: uuid.UUID, source: str, changes: Sequence[RowChange]
) -> None:
    """Write rows and the record of their changes.

    Args:
        connection: in a transaction for writing.
        sync_id: the sync.
        source: the source's name.
        changes: the changes of rows.
    """
    write_rows(connection, source, [change.after for change in changes])
    logged = [
        {
            "sync_id": sync_id,
            "slug": change.slug,
            "source": source,
            "kind": change.kind,
            "before": None if change.before is None else change.before.as_json(),
            "after": change.after.as_json(),
        }
        for change in changes
    ]
    for batch in in_batches(logged):
        connection.execute(sa.insert(catalogue_changes), batch)


def read_changes(connection: Connection, sync_id: uuid.UUID) -> list[RowChange]:
    """The changes of a sync, by slug."""
    query = sa.select(h.kind, h.before, h.after).where(h.sync_id == sync_id).order_by(h.slug)
    return [_change(row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """A row's change with the sync that made it.

    Attributes:
        sync_id: the sync.
        started_at: when it began, UTC.
        undone_at: when it was undone; None if it was not.
        change: what it changed.
    """

    sync_id: uuid.UUID
    started_at: dt.datetime
    undone_at: dt.datetime | None
    change: RowChange


def changes_of_row(connection: Connection, source: str, slug: str) -> list[LoggedChange]:
    """The recorded changes of a row, the newest first; those of old syncs are forgotten."""
    query = (
        sa.select(h.kind, h.before, h.after, s.sync_id, s.started_at, s.undone_at)
        .join(catalogue_syncs, s.sync_id == h.sync_id)
        .where(h.source == source, h.slug == slug)
        .order_by(s.number.desc())
    )
    return [
        LoggedChange(row.sync_id, row.started_at, row.undone_at, _change(row))
        for row in connection.execute(query)
    ]


def _change(row: Any) -> RowChange:
    return RowChange(
        row.kind,
        None if row.before is None else CatalogueRow.of_json(row.before),
        CatalogueRow.of_json(row.after),
    )


def forget_old_changes(connection: Connection, source: str) -> None:
    """Delete the record of changes of all but the last syncs; these cannot be undone any more."""
    newest = sa.select(sa.func.max(s.number)).where(s.source == source).scalar_subquery()
    old = sa.select(s.sync_id).where(s.source == source, s.number <= newest - syncs.UNDOABLE)
    connection.execute(sa.delete(catalogue_changes).where(h.sync_id.in_(old)))
