"""Quarantined positions that were refused while this machine's clock was behind."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import midnight
from trackflow.sources.ahead import CLOCK_BEHIND, clock_is_behind
from trackflow.sources.records import FUTURE_SLACK_US
from trackflow.store.housekeeping import marks
from trackflow.store.housekeeping.retention import newest_day
from trackflow.store.service_tables import service_marks
from trackflow.store.tables import quarantined_points, receipts

q = quarantined_points.c

SUPPORT = 3
"""Days of devices that must confirm that the clock is behind."""

LATELY = 1_000
"""Newest deliveries that are checked: some arrived while the clock was behind."""


def is_behind(connection: Connection, now: dt.datetime) -> bool:
    """Whether the clock is behind: two short queries."""
    r = receipts.c
    lately = sa.select(r.received_at).order_by(r.received_seq.desc()).limit(LATELY).subquery()
    received: dt.datetime | None = connection.scalar(sa.select(sa.func.max(lately.c.received_at)))
    newest = newest_day(connection, SUPPORT)
    return clock_is_behind(now, [received, None if newest is None else midnight(newest)])


def note(connection: Connection, now: dt.datetime) -> None:
    """Note that there are such positions: a search of the quarantine would take long."""
    marks.note(connection, CLOCK_BEHIND, now)


def due(connection: Connection, now: dt.datetime, most: int) -> list[sa.Row[Any]]:
    """Hash, text and source of the positions that can be admitted now, the oldest first.

    The source is the sender's name, as for positions that are admitted at once; for files it is
    the name of the file.
    """
    latest = now + dt.timedelta(microseconds=FUTURE_SLACK_US)
    query = (
        sa.select(q.content_hash, q.raw, sa.func.coalesce(q.sender, q.source).label("source"))
        .where(q.reason == CLOCK_BEHIND, q.recorded_at <= latest)
        .order_by(q.recorded_at, q.content_hash)
        .limit(most)
    )
    return list(connection.execute(query))


def forget(connection: Connection, hashes: Sequence[str], noted_at: dt.datetime) -> None:
    """Delete positions from the quarantine that were admitted; and the note, when all were.

    The note stays if another delivery has renewed it since `noted_at`.
    """
    connection.execute(sa.delete(quarantined_points).where(q.content_hash.in_(hashes)))
    left = sa.select(q.content_hash).where(q.reason == CLOCK_BEHIND).limit(1)
    if connection.scalar(left) is None:
        m = service_marks.c
        connection.execute(
            sa.delete(service_marks).where(m.name == CLOCK_BEHIND, m.noted_at == noted_at)
        )
