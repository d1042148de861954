"""Jobs."""

import datetime as dt
import uuid
from typing import Any, TypedDict

from trackflow.usecases.jobs.control import JobStatus
from trackflow.web.answers.describing import described, shows


@described
class JobAnswer(TypedDict):
    """A job: long work that a person requests, watches, cancels and resumes."""

    job_id: uuid.UUID
    kind: str
    """`rebuild` or `catalogue_sync`."""
    status: JobStatus
    total: int | None
    """Pieces of work in all; null until it is known."""
    completed: int
    """Pieces that are done."""
    failed: int
    """Pieces of them that went wrong."""
    message: str | None
    """The state in words."""
    seconds_left: float | None
    """As estimated; null without an estimate."""
    parameters: dict[str, Any]
    """The input, by the kind: of `rebuild` the days `from` and `to` and the `device`."""
    result: dict[str, Any] | None
    """The output, by the kind; while it runs, its progress."""
    error: str | None
    """Why it failed."""
    cancel_requested: bool
    """Whether a person wants it to stop."""
    run_id: str | None
    """The run of Dagster's that worked on it last; null outside of Dagster."""
    run_url: str | None
    """The page of that run in Dagster's UI; null where its address is not known."""
    created_at: dt.datetime
    """When it was queued, UTC."""
    started_at: dt.datetime | None
    """When a worker first began it, UTC."""
    finished_at: dt.datetime | None
    """When it ended, UTC."""
    heartbeat_at: dt.datetime | None
    """The last sign of life of its worker, UTC."""


@described
class JobsAnswer(TypedDict):
    """The newest jobs."""

    jobs: list[JobAnswer]
    """The newest first."""


@described
class QueuedJobAnswer(TypedDict):
    """A job that was queued."""

    job_id: uuid.UUID


ID = uuid.UUID("0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69")
_AT = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_QUEUED: JobAnswer = {
    "job_id": ID,
    "kind": "rebuild",
    "status": JobStatus.QUEUED,
    "total": None,
    "completed": 0,
    "failed": 0,
    "message": None,
    "seconds_left": None,
    "parameters": {"from": "2026-09-01", "to": "2026-09-21", "device": None},
    "result": None,
    "error": None,
    "cancel_requested": False,
    "run_id": None,
    "run_url": None,
    "created_at": _AT,
    "started_at": None,
    "finished_at": None,
    "heartbeat_at": None,
}
_RUNNING: JobAnswer = {
    **_QUEUED,
    "status": JobStatus.RUNNING,
    "total": 2_310,
    "completed": 410,
    "seconds_left": 38.5,
    "started_at": _AT + dt.timedelta(seconds=4),
    "heartbeat_at": _AT + dt.timedelta(seconds=64),
}

JOBS = shows(JobsAnswer, {"jobs": [_RUNNING]})
JOB = shows(JobAnswer, _RUNNING)
NEW_JOB = shows(JobAnswer, _QUEUED, status=202, text="The job is queued.")
