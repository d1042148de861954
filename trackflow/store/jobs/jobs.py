"""Jobs: long-running pieces of work that people watch, stop and resume.

A job is queued, then running, then completed, failed or cancelled. Its worker holds a claim with an
epoch and sends heartbeats; when these stop, another worker may take the job over, and the earlier
one changes nothing any more. The progress of a job is written in the transaction of the work
itself, so that resuming loses nothing and does nothing twice.
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
"""A running job whose last heartbeat is older counts as abandoned."""

MOST_LISTED = 100

LOCK_KEY = 0x6A6F6273


class JobStatus(StrEnum):
    """The status of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored; columns by their names.

    Attributes:
        job_id: its id.
        kind: which use case it runs.
        status: its status.
        total: items of work in all, None until it is known.
        completed: items that are done.
        failed: items that failed.
        message: its state, for people.
        parameters: the input of the use case.
        result: the output of the use case; while it runs, its progress.
        error: why it failed, for people.
        cancel_requested: whether a person wants it to stop.
        tries: claims since its last progress.
        seconds_left: as estimated at the last heartbeat.
        epoch: of the last claim.
        heartbeat_at: when its worker last sent a heartbeat, UTC.
        created_at: when it was queued, UTC.
        started_at: when it was first claimed, UTC.
        finished_at: when it ended, UTC.
        dagster_run_id: the run that worked on it last; None outside of Dagster.
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
    dagster_run_id: str | None = None


_COLUMNS = [j[name] for name in Job.__dataclass_fields__]


def create(
    connection: Connection, kind: str, parameters: Mapping[str, Any], now: dt.datetime
) -> Job:
    """Queue a job.

    Args:
        connection: in a transaction for writing.
        kind: which use case it runs.
        parameters: the input of the use case; stored as JSON.
        now: the time, UTC.
    """
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


def lock_kind(connection: Connection, kind: str) -> None:
    """Keep others that call this from looking at the jobs of a kind until the transaction ends."""
    if connection.dialect.name == "postgresql":  # on SQLite there is only one writer
        key = sa.func.pg_advisory_xact_lock(LOCK_KEY, sa.func.hashtext(kind))
        connection.execute(sa.select(key))


def active(connection: Connection, kind: str) -> list[Job]:
    """Jobs of a kind that wait or run."""
    statuses = (JobStatus.QUEUED.value, JobStatus.RUNNING.value)
    query = sa.select(*_COLUMNS).where(j.kind == kind, j.status.in_(statuses))
    return [_job(row) for row in connection.execute(query.order_by(j.created_at, j.job_id))]


def is_alive(job: Job, now: dt.datetime) -> bool:
    """Whether a worker has a job, and has given a sign of life lately."""
    if job.status is not JobStatus.RUNNING or job.heartbeat_at is None:
        return False
    return (now - job.heartbeat_at).total_seconds() < SILENT_AFTER_S


def waiting(connection: Connection, now: dt.datetime) -> list[Job]:
    """Jobs that a worker should claim, the oldest first: queued ones and abandoned ones."""
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
    """Claim a waiting job; None if another worker has it or there is nothing left to do.

    A job whose cancelling was requested before its worker died is cancelled now. One that was
    claimed `max_tries` times without progress fails: it may be the cause of its workers' deaths.

    Args:
        connection: in a transaction for writing.
        job_id: the job.
        max_tries: claims without progress after which it fails.
        now: the time, UTC.
        dagster_run_id: the run that works on it; None outside of Dagster.
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


def advance(connection: Connection, claimed: Job, now: dt.datetime, **values: Any) -> Job:
    """Write a job's progress in the transaction of the work; returns the job as it is now.

    Raises:
        StaleClaimError: it was taken over; the caller's transaction must not commit.
    """
    return _change(connection, claimed, {"heartbeat_at": now, "tries": 1, **values})


def beat(connection: Connection, claimed: Job, now: dt.datetime, **values: Any) -> Job:
    """Write a heartbeat and optional `values`; returns the job as it is now.

    Raises:
        StaleClaimError: it was taken over.
    """
    return _change(connection, claimed, {"heartbeat_at": now, **values})


def end(
    connection: Connection, claimed: Job, status: JobStatus, now: dt.datetime, **values: Any
) -> Job:
    """Write how a job ended.

    Args:
        connection: in a transaction for writing.
        claimed: the job, with the epoch of its claim.
        status: completed, failed or cancelled.
        now: the time, UTC.
        values: further columns, by name.

    Raises:
        StaleClaimError: it was taken over.
    """
    ended = {"status": status.value, "finished_at": now, "heartbeat_at": now, "seconds_left": None}
    return _change(connection, claimed, ended | values)


def request_cancel(connection: Connection, job_id: uuid.UUID, now: dt.datetime) -> Job:
    """Cancel a job: at once if no worker has it, else after its current slice of work.

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

    For one that is queued or running, a request to cancel it is taken back.

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
    oldest = now - dt.timedelta(seconds=SILENT_AFTER_S)
    silent = sa.or_(j.heartbeat_at < oldest, is_impossible(j.heartbeat_at, now, 0.0))
    return sa.or_(
        j.status == JobStatus.QUEUED.value,
        sa.and_(j.status == JobStatus.RUNNING.value, silent),
    )


def _change(connection: Connection, claimed: Job, values: dict[str, Any]) -> Job:
    row = connection.execute(
        sa.update(jobs)
        .where(
            j.job_id == claimed.job_id,
            j.epoch == claimed.epoch,
            j.status == JobStatus.RUNNING.value,
        )
        .values(values)
        .returning(*_COLUMNS)
    ).one_or_none()
    if row is None:
        raise StaleClaimError(
            f"the job {claimed.job_id} was taken over by another worker; nothing was written"
        )
    return _job(row)


def _job(row: sa.Row[Any]) -> Job:
    values = dict(row._mapping)
    values["status"] = JobStatus(values["status"])
    return Job(**values)
