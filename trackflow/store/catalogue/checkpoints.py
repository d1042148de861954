"""Checkpoints of a sync: its list and every fetched page, kept until it has ended.

A worker that continues the sync of a killed one reads them back.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.catalogue.failures import Failure
from trackflow.catalogue.records import (
    Anomaly,
    Details,
    ListedTrack,
    Listing,
)
from trackflow.store.catalogue.tables import catalogue_fetched, catalogue_syncs
from trackflow.store.dialects import insert_into

s = catalogue_syncs.c
f = catalogue_fetched.c


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """The details of a track's own page, or the failure to get them.

    Attributes:
        slug: of the track.
        details: the page's content; None after a failure.
        failure: the reason of a failure; None after a success.
        seconds: the duration, with all tries.
        tries: the number of tries.
    """

    slug: str
    details: Details | None
    failure: Failure | None
    seconds: float
    tries: int


def keep_listing(
    connection: Connection, sync_id: uuid.UUID, listing: Listing, now: dt.datetime
) -> None:
    """Store the list of tracks of a sync.

    Args:
        connection: in a transaction for writing.
        sync_id: the sync.
        listing: the list.
        now: the time, UTC.
    """
    connection.execute(
        sa.update(catalogue_syncs)
        .where(s.sync_id == sync_id)
        .values(listing=asdict(listing), listed_at=now)
    )


def read_listing(connection: Connection, sync_id: uuid.UUID) -> Listing | None:
    """The list of tracks of a sync, None if it has none yet."""
    stored = connection.scalar(sa.select(s.listing).where(s.sync_id == sync_id))
    if stored is None:
        return None
    return Listing(
        tuple(ListedTrack(**row) for row in stored["rows"]),
        tuple(Anomaly(**anomaly) for anomaly in stored["anomalies"]),
        stored["row_count"],
        stored["is_whole"],
    )


def keep_fetched(connection: Connection, sync_id: uuid.UUID, rows: Sequence[FetchedPage]) -> None:
    """Store pages; a page that is stored already is not replaced."""
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


def read_fetched(connection: Connection, sync_id: uuid.UUID) -> dict[str, FetchedPage]:
    """All pages of a sync, by slug."""
    query = sa.select(f.slug, f.details, f.failure, f.seconds, f.tries).where(f.sync_id == sync_id)
    return {row.slug: _fetched(row) for row in connection.execute(query)}


def fetched_slugs(connection: Connection, sync_id: uuid.UUID) -> dict[str, bool]:
    """The tracks whose pages a sync has fetched, and whether they failed."""
    query = sa.select(f.slug, f.failure.is_not(None)).where(f.sync_id == sync_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def drop_failures(connection: Connection, sync_id: uuid.UUID) -> None:
    """Delete the failed pages of a sync, so that the next worker tries them again."""
    connection.execute(
        sa.delete(catalogue_fetched).where(f.sync_id == sync_id, f.failure.is_not(None))
    )


def drop_checkpoints(connection: Connection, sync_id: uuid.UUID) -> None:
    """Delete the list and all pages of a sync."""
    connection.execute(sa.delete(catalogue_fetched).where(f.sync_id == sync_id))
    connection.execute(
        sa.update(catalogue_syncs).where(s.sync_id == sync_id).values(listing=None, listed_at=None)
    )


def inherit_checkpoints(connection: Connection, source: str, new_sync_id: uuid.UUID) -> None:
    """Give a new sync the list and pages of the last one that was broken off."""
    query = (
        sa.select(s.sync_id, s.listing, s.listed_at)
        .where(s.source == source, s.sync_id != new_sync_id, s.listed_at.is_not(None))
        .order_by(s.listed_at.desc())
    )
    for number, old in enumerate(connection.execute(query).all()):
        if number == 0:
            connection.execute(
                sa.update(catalogue_syncs)
                .where(s.sync_id == new_sync_id)
                .values(listing=old.listing, listed_at=old.listed_at)
            )
            connection.execute(
                sa.update(catalogue_fetched)
                .where(f.sync_id == old.sync_id)
                .values(sync_id=new_sync_id)
            )
        drop_checkpoints(connection, old.sync_id)


def _fetched(row: Any) -> FetchedPage:
    details = None
    if row.details is not None:
        anomalies = tuple(Anomaly(**anomaly) for anomaly in row.details["anomalies"])
        details = Details(row.details["raw"], anomalies)
    failure = None if row.failure is None else Failure(**row.failure)
    return FetchedPage(row.slug, details, failure, row.seconds, row.tries)
