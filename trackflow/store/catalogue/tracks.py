"""The catalogue of race tracks: its rows, syncs with their checkpoints, changes, kill switches.

A sync keeps its list and every page that it has fetched until it has ended; whoever goes on with it
reads them back. What it changes is written as whole rows, before and after, so that it can be
undone exactly.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.catalogue.failures import Failure
from trackflow.catalogue.records import (
    FIELDS,
    Anomaly,
    CatalogueTrack,
    Details,
    Listed,
    Listing,
    StoredTrack,
    as_row,
)
from trackflow.errors import NotFoundError
from trackflow.store.dialects import insert_into
from trackflow.store.tables import (
    catalogue_changes,
    catalogue_fetched,
    catalogue_switches,
    catalogue_syncs,
    catalogue_tracks,
)

t = catalogue_tracks.c
s = catalogue_syncs.c
f = catalogue_fetched.c
h = catalogue_changes.c
w = catalogue_switches.c

LOCK_KEY = 0x63617461
"""Any constant: half of the key of PostgreSQL's lock on a source."""

ROWS_AT_ONCE = 500

UNDOABLE = 30
"""So many syncs of a source can be undone; the record of one may take some megabytes."""

type ChangeKind = Literal["added", "changed", "reactivated", "deactivated", "missed", "found"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the catalogue.

    Attributes:
        track: what is known.
        is_active: whether the source lists it.
        misses: believable lists in a row that did not have it.
        created_at: when it was first stored.
        updated_at: when the row was last written.
    """

    track: CatalogueTrack
    is_active: bool
    misses: int
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def stored(self) -> StoredTrack:
        """As comparisons take it."""
        return StoredTrack(self.track, self.is_active, self.misses)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            **as_row(self.track),
            "is_active": self.is_active,
            "misses": self.misses,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "Row":
        """What `as_json` gave."""
        created, updated = (
            dt.datetime.fromisoformat(stored[name]) for name in ("created_at", "updated_at")
        )
        track = CatalogueTrack(**{name: stored.get(name) for name in FIELDS})  # type: ignore[arg-type]
        return cls(track, stored["is_active"], stored["misses"], created, updated)


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a sync does to a row.

    Attributes:
        kind: "missed" and "found" count misses only; the others are as in the report.
        before: None for a new row.
        after: the row from now on.
    """

    kind: ChangeKind
    before: Row | None
    after: Row

    @property
    def slug(self) -> str:
        """The track's."""
        return self.after.track.slug


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync, without its checkpoints; columns by their names."""

    sync_id: uuid.UUID
    source: str
    outcome: str
    number: int | None
    started_at: dt.datetime
    finished_at: dt.datetime | None
    undone_at: dt.datetime | None
    listed_at: dt.datetime | None
    report: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A track's own page, or why it gave nothing: one of the two.

    Attributes:
        slug: of the track.
        details: what the page says.
        failure: why there is none.
        seconds: with all tries.
        tries: to get it.
    """

    slug: str
    details: Details | None
    failure: Failure | None
    seconds: float
    tries: int


_SYNC = [s[name] for name in Sync.__dataclass_fields__]


def lock_source(connection: Connection, source: str) -> None:
    """Let nobody else begin or end a sync of this source, or undo one, until the end of this.

    On SQLite there is only one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY, sa.func.hashtext(source)))
        )


def read_rows(connection: Connection, source: str) -> dict[str, Row]:
    """All tracks of a source by slug, inactive ones included, in one query."""
    found = connection.execute(sa.select(catalogue_tracks).where(t.source == source))
    return {row.slug: _row(row._mapping) for row in found}


def select_rows(
    connection: Connection,
    source: str,
    *,
    active: bool | None = True,
    text: str = "",
    limit: int = 100,
    after: str = "",
) -> list[Row]:
    """Tracks by slug.

    Args:
        connection: to read with.
        source: the source's name.
        active: only those that are listed, only those that are not, or (None) all.
        text: what the slug, name, city or country has to contain, in any case.
        limit: the largest number.
        after: the slug after which to go on.
    """
    query = sa.select(catalogue_tracks).where(t.source == source, _bytes(connection) > after)
    if active is not None:
        query = query.where(t.is_active == active)
    if text:
        query = query.where(
            sa.or_(
                *(
                    column.icontains(text, autoescape=True)
                    for column in (t.slug, t.name, t.city, t.country)
                )
            )
        )
    found = connection.execute(query.order_by(_bytes(connection)).limit(limit))
    return [_row(row._mapping) for row in found]


def count_rows(connection: Connection, source: str) -> dict[str, int]:
    """How many tracks of a source are active, inactive, and active but missed."""
    row = connection.execute(
        sa.select(
            sa.func.count().filter(t.is_active),
            sa.func.count().filter(~t.is_active),
            sa.func.count().filter(t.is_active, t.misses > 0),
        ).where(t.source == source)
    ).one()
    return dict(zip(("active", "inactive", "missed"), row, strict=True))


def write_changes(
    connection: Connection, sync_id: uuid.UUID, source: str, changes: Sequence[RowChange]
) -> None:
    """Write rows and the record of what they were before."""
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
    for batch in _batches(logged):
        connection.execute(sa.insert(catalogue_changes), batch)


def write_rows(connection: Connection, source: str, rows: Iterable[Row]) -> None:
    """Insert rows or replace those of the same slug."""
    insert = insert_into(connection, catalogue_tracks)
    others = [c for c in catalogue_tracks.columns if not c.primary_key]
    statement = insert.on_conflict_do_update(
        index_elements=[t.source, t.slug],
        set_={column.name: insert.excluded[column.name] for column in others},
    )
    for batch in _batches([_values(source, row) for row in rows]):
        connection.execute(statement, batch)


def delete_rows(connection: Connection, source: str, slugs: Sequence[str]) -> None:
    """Delete rows."""
    for batch in _batches(list(slugs)):
        connection.execute(sa.delete(catalogue_tracks).where(t.source == source, t.slug.in_(batch)))


def read_changes(connection: Connection, sync_id: uuid.UUID) -> list[RowChange]:
    """What a sync did, by slug."""
    query = sa.select(h.kind, h.before, h.after).where(h.sync_id == sync_id).order_by(h.slug)
    return [
        RowChange(
            row.kind,
            None if row.before is None else Row.of_json(row.before),
            Row.of_json(row.after),
        )
        for row in connection.execute(query)
    ]


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
    """Note that a sync's changes were undone."""
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
    """The sync that has a source; its worker may be dead."""
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
    """The last sync that has changed something and was not undone."""
    has_changes = sa.exists().where(h.sync_id == s.sync_id)
    query = (
        sa.select(*_SYNC)
        .where(s.source == source, s.number.is_not(None), s.undone_at.is_(None), has_changes)
        .order_by(s.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _sync(row)


def last_completed(connection: Connection, source: str) -> dt.datetime | None:
    """When a sync of a source last went well."""
    query = sa.select(sa.func.max(s.finished_at)).where(
        s.source == source, s.outcome == "completed"
    )
    time: dt.datetime | None = connection.scalar(query)
    return time


def record_refused(
    connection: Connection,
    sync_id: uuid.UUID,
    source: str,
    report: Mapping[str, Any],
    started_at: dt.datetime,
    now: dt.datetime,
) -> None:
    """Note a sync that never had its source."""
    values = {"outcome": "refused", "report": dict(report), "finished_at": now}
    insert = insert_into(connection, catalogue_syncs).values(
        sync_id=sync_id, source=source, started_at=started_at, **values
    )
    connection.execute(insert.on_conflict_do_update(index_elements=[s.sync_id], set_=values))


def begin_sync(connection: Connection, sync_id: uuid.UUID, source: str, now: dt.datetime) -> Sync:
    """Give a source to a sync: a new one, or one that had ended without changing anything."""
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
    """Say how a sync ended; what it has fetched is forgotten unless somebody is to go on."""
    if not keep_checkpoints:
        drop_checkpoints(connection, sync_id)
    connection.execute(
        sa.update(catalogue_syncs)
        .where(s.sync_id == sync_id)
        .values(outcome=outcome, report=report, finished_at=now)
    )


def number_sync(connection: Connection, sync: Sync) -> None:
    """Give a sync its place in the order of changes; the source is locked."""
    newest = sa.select(sa.func.coalesce(sa.func.max(s.number), 0) + 1).where(
        s.source == sync.source
    )
    number = connection.scalar(newest)
    connection.execute(
        sa.update(catalogue_syncs).where(s.sync_id == sync.sync_id).values(number=number)
    )


def forget_old_changes(connection: Connection, source: str) -> None:
    """Delete the record of changes of all but the last syncs; these cannot be undone any more."""
    newest = sa.select(sa.func.max(s.number)).where(s.source == source).scalar_subquery()
    old = sa.select(s.sync_id).where(s.source == source, s.number <= newest - UNDOABLE)
    connection.execute(sa.delete(catalogue_changes).where(h.sync_id.in_(old)))


def is_undoable(connection: Connection, sync: Sync) -> bool:
    """Whether the record of a sync's changes is still there."""
    newest = connection.scalar(sa.select(sa.func.max(s.number)).where(s.source == sync.source))
    return newest is not None and sync.number is not None and sync.number > newest - UNDOABLE


def keep_listing(
    connection: Connection, sync_id: uuid.UUID, listing: Listing, now: dt.datetime
) -> None:
    """Keep the list that a sync works through."""
    connection.execute(
        sa.update(catalogue_syncs)
        .where(s.sync_id == sync_id)
        .values(listing=asdict(listing), listed_at=now)
    )


def read_listing(connection: Connection, sync_id: uuid.UUID) -> Listing | None:
    """The list that a sync works through, None if it has none yet."""
    stored = connection.scalar(sa.select(s.listing).where(s.sync_id == sync_id))
    if stored is None:
        return None
    return Listing(
        tuple(Listed(**row) for row in stored["rows"]),
        tuple(Anomaly(**anomaly) for anomaly in stored["anomalies"]),
        stored["row_count"],
        stored["is_whole"],
    )


def keep_fetched(connection: Connection, sync_id: uuid.UUID, rows: Sequence[Fetched]) -> None:
    """Keep pages; the first of each stays."""
    values = [
        {
            "sync_id": sync_id,
            "slug": row.slug,
            "details": None if row.details is None else asdict(row.details),
            "failure": None if row.failure is None else asdict(row.failure),
            "seconds": row.seconds,
            "tries": row.tries,
        }
        for row in rows
    ]
    if values:
        insert = insert_into(connection, catalogue_fetched)
        connection.execute(insert.on_conflict_do_nothing(), values)


def read_fetched(connection: Connection, sync_id: uuid.UUID) -> dict[str, Fetched]:
    """All pages that a sync has, by slug."""
    query = sa.select(f.slug, f.details, f.failure, f.seconds, f.tries).where(f.sync_id == sync_id)
    return {row.slug: _fetched(row) for row in connection.execute(query)}


def fetched_slugs(connection: Connection, sync_id: uuid.UUID) -> dict[str, bool]:
    """The tracks whose pages a sync has, and whether they failed."""
    query = sa.select(f.slug, f.failure.is_not(None)).where(f.sync_id == sync_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def drop_failures(connection: Connection, sync_id: uuid.UUID) -> None:
    """Forget which pages gave nothing, so that whoever goes on tries them again."""
    connection.execute(
        sa.delete(catalogue_fetched).where(f.sync_id == sync_id, f.failure.is_not(None))
    )


def drop_checkpoints(connection: Connection, sync_id: uuid.UUID) -> None:
    """Forget the list and all pages of a sync."""
    connection.execute(sa.delete(catalogue_fetched).where(f.sync_id == sync_id))
    connection.execute(
        sa.update(catalogue_syncs).where(s.sync_id == sync_id).values(listing=None, listed_at=None)
    )


def inherit_checkpoints(connection: Connection, source: str, heir: uuid.UUID) -> None:
    """Let a sync go on with the list and pages of the last one that was broken off."""
    query = (
        sa.select(s.sync_id, s.listing, s.listed_at)
        .where(s.source == source, s.sync_id != heir, s.listed_at.is_not(None))
        .order_by(s.listed_at.desc())
    )
    for number, old in enumerate(connection.execute(query).all()):
        if number == 0:
            connection.execute(
                sa.update(catalogue_syncs)
                .where(s.sync_id == heir)
                .values(listing=old.listing, listed_at=old.listed_at)
            )
            connection.execute(
                sa.update(catalogue_fetched).where(f.sync_id == old.sync_id).values(sync_id=heir)
            )
        drop_checkpoints(connection, old.sync_id)


def throw_switch(connection: Connection, site: str, reason: str, now: dt.datetime) -> None:
    """Switch a site off."""
    insert = insert_into(connection, catalogue_switches).values(
        site=site, reason=reason, thrown_at=now
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[w.site], set_={"reason": reason, "thrown_at": now}
        )
    )


def reset_switch(connection: Connection, site: str) -> bool:
    """Switch a site on again; False if it was not off."""
    done = connection.execute(sa.delete(catalogue_switches).where(w.site == site))
    return done.rowcount > 0


def switched_off(connection: Connection, site: str) -> str | None:
    """Why a site is switched off, None if it is not."""
    reason: str | None = connection.scalar(sa.select(w.reason).where(w.site == site))
    return reason


def _bytes(connection: Connection) -> sa.ColumnElement[str]:
    """The slug as a key of order: the same on both databases, whatever their locale."""
    on_postgresql = connection.dialect.name == "postgresql"
    return sa.collate(t.slug, "C") if on_postgresql else t.slug


def _values(source: str, row: Row) -> dict[str, Any]:
    return {
        "source": source,
        **as_row(row.track),
        "is_active": row.is_active,
        "misses": row.misses,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _row(found: Mapping[Any, Any]) -> Row:
    track = CatalogueTrack(**{name: found[name] for name in FIELDS})
    return Row(track, found["is_active"], found["misses"], found["created_at"], found["updated_at"])


def _sync(row: sa.Row[Any]) -> Sync:
    return Sync(**row._mapping)


def _fetched(row: Any) -> Fetched:
    details = None
    if row.details is not None:
        anomalies = tuple(Anomaly(**anomaly) for anomaly in row.details["anomalies"])
        details = Details(row.details["raw"], anomalies)
    failure = None if row.failure is None else Failure(**row.failure)
    return Fetched(row.slug, details, failure, row.seconds, row.tries)


def _batches[T](values: list[T]) -> Iterable[list[T]]:
    return (values[k : k + ROWS_AT_ONCE] for k in range(0, len(values), ROWS_AT_ONCE))
