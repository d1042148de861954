"""Jobs: long-running pieces of work that someone watches, stops and takes up again.

A job is queued, then running, then completed, failed or cancelled. Whoever works on it holds a
claim with an epoch and gives signs of life; when these stop, whoever looks next may take it over,
and the one before changes nothing any more. How far a job has come is written in the transaction of
the work itself, so that taking it up again loses nothing and does nothing twice.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import BadInputError, NotFoundError, StaleClaimError
from trackflow.store.clocks import is_impossible
from trackflow.store.service_tables import jobs

j = jobs.c

SILENT_AFTER_S = 120.0
"""Without a sign of life for so long, a running job counts as abandoned."""

MOST_LISTED = 100


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored; columns by their names.

    Attributes:
        total: pieces of work in all, None until it is known.
        tries: times that it was taken up since it last came further.
        seconds_left: as estimated at the last sign of life.
        result: what came out; while it runs, how far it has come.
        epoch: of the last claim.
    """

    job_id: uuid.UUID
    kind: str
    status: JobStatus
    total: int | None
    completed: int
    failed: int
    message: str | None
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    cancel_requested: bool
    tries: int
    seconds_left: float | None
    epoch: int
    heartbeat_at: dt.datetime | None
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


_COLUMNS = [j[name] for name in Job.__dataclass_fields__]


def create(
    connection: Connection, kind: str, parameters: Mapping[str, Any], now: dt.datetime
) -> Job:
    """Queue a job."""
    job_id = uuid.uuid4()
    connection.execute(
        sa.insert(jobs).values(
            job_id=job_id, kind=kind, parameters=dict(parameters), created_at=now
        )
    )
    return read_job(connection, job_id)


def read_job(connection: Connection, job_id: uuid.UUID) -> Job:
    """A job.

    Raises:
        NotFoundError: there is none of this id.
    """
    found = find_job(connection, job_id)
    if found is None:
        raise NotFoundError(f"there is no job {job_id}; see `trackflow jobs list`")
    return found


def find_job(connection: Connection, job_id: uuid.UUID) -> Job | None:
    """A job, None if there is none of this id."""
    row = connection.execute(sa.select(*_COLUMNS).where(j.job_id == job_id)).one_or_none()
    return None if row is None else _job(row)


def recent(connection: Connection, limit: int = MOST_LISTED) -> list[Job]:
    """The newest jobs, the newest first."""
    query = sa.select(*_COLUMNS).order_by(j.created_at.desc(), j.job_id).limit(limit)
    return [_job(row) for row in connection.execute(query)]


def waiting(connection: Connection, now: dt.datetime) -> list[Job]:
    """Jobs that somebody should work on, the oldest first: queued ones and abandoned ones."""
    query = sa.select(*_COLUMNS).where(_is_free(now)).order_by(j.created_at, j.job_id)
    return [_job(row) for row in connection.execute(query)]


def claim(
    connection: Connection,
    job_id: uuid.UUID,
    max_tries: int,
    now: dt.datetime,
    *,
    dagster_run_id: str | None = None,
) -> Job | None:
    """Take a job that waits; None if somebody else has it, or there is nothing left to do.

    One that was to be cancelled when its worker died is cancelled now. One that was taken up
    `max_tries` times without coming further fails: it may be what kills its workers.
    """
    free = sa.and_(j.job_id == job_id, _is_free(now))
    ended = {"finished_at": now, "seconds_left": None}
    connection.execute(
        sa.update(jobs)
        .where(free, j.cancel_requested)
        .values(status=JobStatus.CANCELLED.value, epoch=j.epoch + 1, **ended)
    )
    connection.execute(
        sa.update(jobs)
        .where(free, j.tries >= max_tries)
        .values(status=JobStatus.FAILED.value, epoch=j.epoch + 1, error=_GIVEN_UP, **ended)
    )
    row = connection.execute(
        sa.update(jobs)
        .where(free)
        .values(
            status=JobStatus.RUNNING.value,
            epoch=j.epoch + 1,
            tries=j.tries + 1,
            heartbeat_at=now,
            started_at=sa.func.coalesce(j.started_at, sa.literal(now, j.started_at.type)),
            dagster_run_id=dagster_run_id,
        )
        .returning(*_COLUMNS)
    ).one_or_none()
    return None if row is None else _job(row)


def advance(connection: Connection, held: Job, now: dt.datetime, **values: Any) -> Job:
    """Note how far a job has come, in the transaction of the work; returns it as it is now.

    Raises:
        StaleClaimError: it was taken over; the caller's transaction must not commit.
    """
    return _change(connection, held, {"heartbeat_at": now, "tries": 1, **values})


def beat(connection: Connection, held: Job, now: dt.datetime, **values: Any) -> Job:
    """Give a sign of life, with whatever there is to show; returns the job as it is now.

    Raises:
        StaleClaimError: it was taken over.
    """
    return _change(connection, held, {"heartbeat_at": now, **values})


def end(
    connection: Connection, held: Job, status: JobStatus, now: dt.datetime, **values: Any
) -> Job:
    """Say how a job ended.

    Raises:
        StaleClaimError: it was taken over.
    """
    ended = {"status": status.value, "finished_at": now, "heartbeat_at": now, "seconds_left": None}
    return _change(connection, held, ended | values)


def request_cancel(connection: Connection, job_id: uuid.UUID, now: dt.datetime) -> Job:
    """Have a job stopped: at once if nobody is at it, else after its current slice of work.

    One that has ended stays as it is.

    Raises:
        NotFoundError: there is none of this id.
    """
    connection.execute(
        sa.update(jobs)
        .where(j.job_id == job_id, _is_free(now))
        .values(
            status=JobStatus.CANCELLED.value,
            cancel_requested=True,
            epoch=j.epoch + 1,
            finished_at=now,
            seconds_left=None,
        )
    )
    connection.execute(
        sa.update(jobs)
        .where(j.job_id == job_id, j.status == JobStatus.RUNNING.value)
        .values(cancel_requested=True)
    )
    return read_job(connection, job_id)


def stop_here(connection: Connection, job_id: uuid.UUID, now: dt.datetime) -> Job:
    """Cancel a job whose worker stops by itself; it loses its claim."""
    connection.execute(
        sa.update(jobs)
        .where(j.job_id == job_id, j.status == JobStatus.RUNNING.value)
        .values(
            status=JobStatus.CANCELLED.value, epoch=j.epoch + 1, finished_at=now, seconds_left=None
        )
    )
    return read_job(connection, job_id)


def resume(connection: Connection, job_id: uuid.UUID) -> Job:
    """Queue a cancelled or failed job again; it goes on where it stopped.

    One that is queued or running goes on, even if it was to be cancelled.

    Raises:
        NotFoundError: there is none of this id.
        BadInputError: it is completed.
    """
    again = j.status.in_((JobStatus.CANCELLED.value, JobStatus.FAILED.value))
    connection.execute(
        sa.update(jobs)
        .where(j.job_id == job_id, again)
        .values(
            status=JobStatus.QUEUED.value, tries=0, error=None, finished_at=None, seconds_left=None
        )
    )
    connection.execute(sa.update(jobs).where(j.job_id == job_id).values(cancel_requested=False))
    found = read_job(connection, job_id)
    if found.status is JobStatus.COMPLETED:
        raise BadInputError(f"the job {job_id} is completed: start a new one")
    return found


_GIVEN_UP = (
    "its worker stopped again and again without coming further (was there enough memory?); "
    "`trackflow jobs resume` tries once more"
)


def _is_free(now: dt.datetime) -> sa.ColumnElement[bool]:
    heard_of = now - dt.timedelta(seconds=SILENT_AFTER_S)
    silent = sa.or_(j.heartbeat_at < heard_of, is_impossible(j.heartbeat_at, now, 0.0))
    return sa.or_(
        j.status == JobStatus.QUEUED.value,
        sa.and_(j.status == JobStatus.RUNNING.value, silent),
    )


def _change(connection: Connection, held: Job, values: dict[str, Any]) -> Job:
    row = connection.execute(
        sa.update(jobs)
        .where(j.job_id == held.job_id, j.epoch == held.epoch, j.status == JobStatus.RUNNING.value)
        .values(values)
        .returning(*_COLUMNS)
    ).one_or_none()
    if row is None:
        raise StaleClaimError(
            f"the job {held.job_id} was taken over by another worker; nothing was written"
        )
    return _job(row)


def _job(row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)
    values["status"] = JobStatus(values["status"])
    return Job(**values)
