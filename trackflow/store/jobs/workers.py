"""Live workers, which process points as they arrive; each is known by its heartbeat."""

import datetime as dt
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.clocks import is_impossible
from trackflow.store.service_tables import live_workers

w = live_workers.c

HEARTBEAT_S = 5.0

SILENT_AFTER_S = 60.0
"""A worker whose last heartbeat is older counts as gone, and another one may start. A single batch
that takes longer keeps its own lease, so one worker too many does no harm."""


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker with a recent heartbeat.

    Attributes:
        worker_id: its id.
        dagster_run_id: the run that it belongs to; None outside of Dagster.
        started_at: UTC.
        heartbeat_at: when it last sent a heartbeat, UTC.
        batches_done: since its start.
    """

    worker_id: uuid.UUID
    dagster_run_id: str | None
    started_at: dt.datetime
    heartbeat_at: dt.datetime
    batches_done: int


def beat(
    connection: Connection,
    worker_id: uuid.UUID,
    now: dt.datetime,
    *,
    batches_done: int,
    dagster_run_id: str | None = None,
) -> None:
    """Write a heartbeat of this worker; the first one registers it.

    Args:
        connection: in a transaction for writing.
        worker_id: this worker.
        now: the time, UTC.
        batches_done: since its start.
        dagster_run_id: the run that it belongs to; None outside of Dagster.
    """
    changed = connection.execute(
        sa.update(live_workers)
        .where(w.worker_id == worker_id)
        .values(heartbeat_at=now, batches_done=batches_done)
    )
    if changed.rowcount == 0:
        connection.execute(
            sa.insert(live_workers).values(
                worker_id=worker_id,
                dagster_run_id=dagster_run_id,
                started_at=now,
                heartbeat_at=now,
                batches_done=batches_done,
            )
        )


def leave(connection: Connection, worker_id: uuid.UUID, now: dt.datetime) -> None:
    """Delete this worker, and those without a heartbeat for a day."""
    day = dt.timedelta(days=1)
    forgotten = sa.not_(w.heartbeat_at.between(now - day, now + day))
    connection.execute(sa.delete(live_workers).where(sa.or_(w.worker_id == worker_id, forgotten)))


def newest_worker(connection: Connection, now: dt.datetime) -> LiveWorker | None:
    """The live worker with the newest heartbeat, None if that is too old."""
    row = connection.execute(
        sa.select(w.worker_id, w.dagster_run_id, w.started_at, w.heartbeat_at, w.batches_done)
        .where(
            w.heartbeat_at >= now - dt.timedelta(seconds=SILENT_AFTER_S),
            sa.not_(is_impossible(w.heartbeat_at, now, 0.0)),
        )
        .order_by(w.heartbeat_at.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else LiveWorker(*row)
