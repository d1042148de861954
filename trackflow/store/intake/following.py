"""The reading progress of followed tables."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.sources.followed.gaps import ReadProgress
from trackflow.store.dialects import insert_into
from trackflow.store.service_tables import followed_tables


def read_progress(connection: Connection, source: str) -> ReadProgress:
    """The reading progress of a table; that of the first row for a new one."""
    return _progress(connection, source, for_update=False)


def advance(
    connection: Connection, source: str, before: ReadProgress, after: ReadProgress, now: dt.datetime
) -> bool:
    """Write the new reading progress, unless another process has changed it since `before`.

    The caller stores the rows in the same transaction, and none if this is False.

    Args:
        connection: in a transaction for writing.
        source: the name of the followed table.
        before: the progress that the caller has read.
        after: the new progress.
        now: the time, UTC.

    Returns:
        Whether the progress was written.
    """
    first = ReadProgress()
    connection.execute(
        insert_into(connection, followed_tables)
        .values(source=source, last_id=first.last_id, missing_ids=first.to_json(), updated_at=now)
        .on_conflict_do_nothing()
    )
    if _progress(connection, source, for_update=True) != before:
        return False
    connection.execute(
        sa.update(followed_tables)
        .where(followed_tables.c.source == source)
        .values(last_id=after.last_id, missing_ids=after.to_json(), updated_at=now)
    )
    return True


def _progress(connection: Connection, source: str, *, for_update: bool) -> ReadProgress:
    c = followed_tables.c
    query = sa.select(c.last_id, c.missing_ids).where(c.source == source)
    if for_update:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return ReadProgress() if row is None else ReadProgress.from_json(row.last_id, row.missing_ids)
