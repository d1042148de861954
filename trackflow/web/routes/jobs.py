"""Jobs: long work that a person requests, watches, cancels and resumes."""

import datetime as dt
import uuid
from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.context import Context
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.jobs.control import Job, read_job, recent_jobs
from trackflow.usecases.jobs.control import cancel_job as cancel
from trackflow.usecases.jobs.control import resume_job as resume
from trackflow.usecases.jobs.kinds import as_dict, queue_job
from trackflow.web.answers.jobs import JOB, JOBS, NEW_JOB
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()

JobId = Annotated[uuid.UUID, Path(description="The job, as listed.")]


class JobRequest(BaseModel):
    """The kind and the parameters of a job."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(
        description="`rebuild`: make segments, lines and tracks again.", examples=["rebuild"]
    )
    from_: dt.date | None = Field(
        None, alias="from", description="First day; without it, from the beginning."
    )
    to: dt.date | None = Field(None, description="Last day, included; without it, to the end.")
    device: str | None = Field(
        None, description="Only this device; without it, all.", max_length=200
    )


@router.get("/api/v1/jobs", tags=["jobs"], summary="The newest jobs", responses=JOBS)
@open_to(Scope.READ)
def list_jobs(request: Request, context: ContextDep) -> Response:
    """The newest hundred jobs, the newest first, with progress and estimated time left.

    `status` is queued, running, completed, failed or cancelled; `completed` of `total` pieces of
    work are done, of which `failed` went wrong; `seconds_left` is an estimate, null without one.
    """
    return answer(request, {"jobs": [_shown(context, job) for job in recent_jobs(context)]})


@router.post(
    "/api/v1/jobs",
    tags=["jobs"],
    summary="Ask for a job",
    status_code=202,
    response_model=None,
    responses=NEW_JOB,
)
@open_to(Scope.ADMIN)
def ask_for_job(context: ContextDep, wanted: JobRequest) -> dict[str, Any]:
    """Queue a job; the answer has its `job_id`. A service begins it within a minute.

    `rebuild` makes everything of the given days again: unchanged windows come from the cache, and
    tracks that come out the same stay as they are.
    """
    parameters = {"from": wanted.from_, "to": wanted.to, "device": wanted.device}
    return _shown(context, queue_job(context, wanted.kind, parameters))


@router.get("/api/v1/jobs/{job_id}", tags=["jobs"], summary="One job", responses=JOB)
@open_to(Scope.READ)
def show_job(request: Request, context: ContextDep, job_id: JobId) -> Response:
    """The progress and the result of a job. 404 if there is no job with this id."""
    return answer(request, _shown(context, read_job(context, job_id)))


@router.post(
    "/api/v1/jobs/{job_id}/cancel",
    tags=["jobs"],
    summary="Stop a job",
    response_model=None,
    responses=JOB,
)
@open_to(Scope.ADMIN)
def cancel_job(context: ContextDep, job_id: JobId) -> dict[str, Any]:
    """A waiting job stops at once, a running one after its current slice.

    Finished slices stay; `resume` goes on with the rest. A job that has ended stays as it is.
    """
    return _shown(context, cancel(context, job_id))


@router.post(
    "/api/v1/jobs/{job_id}/resume",
    tags=["jobs"],
    summary="Go on with a job",
    response_model=None,
    responses=JOB,
)
@open_to(Scope.ADMIN)
def resume_job(context: ContextDep, job_id: JobId) -> dict[str, Any]:
    """Queue a cancelled or failed job again; it goes on where it stopped.

    A job that waits or runs goes on, also if it was about to be stopped. 400 if it is completed.
    """
    return _shown(context, resume(context, job_id))


def _shown(context: Context, job: Job) -> dict[str, Any]:
    return as_dict(job, context.settings.dagster_url)
