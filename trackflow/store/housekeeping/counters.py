"""Sums of work that only grow, for monitoring; and samples of free space.

They are written beside the work, not with it: many workers would wait for one row. What a killed
process has not written is missing in the sums, and nowhere else.
"""

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import insert_into
from trackflow.store.housekeeping.tables import disk_samples, work_counters

w = work_counters.c
d = disk_samples.c

type CounterKey = tuple[str, str, str]
"""What is counted, the stage, and the outcome."""


def add(connection: Connection, sums: Mapping[CounterKey, float]) -> None:
    """Add to the sums; keys in order, so that two writers never wait for each other."""
    rows = [
        {"what": what, "stage": stage, "outcome": outcome, "total": float(value)}
        for (what, stage, outcome), value in sorted(sums.items())
        if value
    ]
    if not rows:
        return
    insert = insert_into(connection, work_counters)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[w.what, w.stage, w.outcome],
            set_={"total": w.total + insert.excluded.total},
        ),
        rows,
    )


def read_all(connection: Connection) -> dict[CounterKey, float]:
    """All sums."""
    rows = connection.execute(sa.select(w.what, w.stage, w.outcome, w.total))
    return {(row.what, row.stage, row.outcome): row.total for row in rows}


def add_sample(
    connection: Connection,
    free_bytes: Mapping[str, int],
    now: dt.datetime,
    *,
    every: dt.timedelta,
    keep: dt.timedelta,
) -> None:
    """Note the free space of folders, unless that was done a moment ago; forget old samples.

    Args:
        connection: in a transaction for writing.
        free_bytes: by folder.
        now: the time, UTC.
        every: the shortest time between two samples.
        keep: older samples are deleted, and those of a clock that ran ahead.
    """
    connection.execute(
        sa.delete(disk_samples).where(sa.not_(d.sampled_at.between(now - keep, now)))
    )
    newest = connection.scalar(sa.select(sa.func.max(d.sampled_at)))
    if newest is not None and now - newest < every:
        return
    insert = insert_into(connection, disk_samples).on_conflict_do_nothing()
    for folder, free in sorted(free_bytes.items()):
        connection.execute(insert.values(folder=folder, sampled_at=now, free_bytes=free))


def read_samples(connection: Connection) -> dict[str, list[tuple[dt.datetime, int]]]:
    """The samples of each folder, the oldest first."""
    found: dict[str, list[tuple[dt.datetime, int]]] = {}
    query = sa.select(d.folder, d.sampled_at, d.free_bytes).order_by(d.folder, d.sampled_at)
    for folder, at, free in connection.execute(query):
        found.setdefault(folder, []).append((at, free))
    return found
