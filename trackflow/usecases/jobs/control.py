"""Jobs for people and programs: list, read, cancel, resume."""

import uuid

from trackflow.context import Context
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job, JobStatus

__all__ = [
    "Job",
    "JobStatus",
    "cancel_job",
    "read_job",
    "recent_jobs",
    "resume_job",
    "stop_job_here",
    "waiting_jobs",
]


def recent_jobs(context: Context) -> list[Job]:
    """The newest hundred jobs, the newest first."""
    with context.store.read() as connection:
        return jobs.recent(connection)


def waiting_jobs(context: Context) -> list[Job]:
    """Jobs that wait for a worker, the oldest first: queued ones and abandoned ones."""
    with context.store.read() as connection:
        return jobs.waiting(connection, context.clock())


def read_job(context: Context, job_id: uuid.UUID) -> Job:
    """Read a job.

    Raises:
        NotFoundError: there is none of this id.
    """
    with context.store.read() as connection:
        return jobs.read_job(connection, job_id)


def cancel_job(context: Context, job_id: uuid.UUID) -> Job:
    """Stop a job after the slice of work that it is at, one that waits at once.

    Raises:
        NotFoundError: there is none of this id.
    """
    with context.store.write() as connection:
        return jobs.request_cancel(connection, job_id, context.clock())


def stop_job_here(context: Context, job_id: uuid.UUID) -> Job:
    """Note that this process has broken a job off: no worker resumes it without a request.

    Raises:
        NotFoundError: there is none of this id.
    """
    with context.store.write() as connection:
        return jobs.stop_here(connection, job_id, context.clock())


def resume_job(context: Context, job_id: uuid.UUID) -> Job:
    """Queue a cancelled or failed job again.

    Raises:
        NotFoundError: there is none of this id.
        BadInputError: it is completed.
    """
    with context.store.write() as connection:
        return jobs.resume(connection, job_id)
