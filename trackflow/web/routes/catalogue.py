"""The catalogue of race tracks: syncs and their reports, the tracks, and visits to them."""

import uuid
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.errors import NotFoundError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.catalogue import status
from trackflow.usecases.catalogue import undo as catalogue_undo
from trackflow.usecases.catalogue.report import last_reports, read_report
from trackflow.usecases.catalogue.sources import source_named, sources
from trackflow.usecases.jobs.control import Job, JobStatus, read_job, recent_jobs
from trackflow.usecases.jobs.kinds import queue_job
from trackflow.usecases.queries.visits import read_visits
from trackflow.web.answers import catalogue as answers
from trackflow.web.answers.sending import GEOJSON, GeoJson, answer, answer_bytes
from trackflow.web.answers.sync_reports import short_report
from trackflow.web.answers.visits import VISITS, visits_answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.routes.race_tracks import Source
from trackflow.web.security.access import open_to

router = guarded_router()

KIND = "catalogue_sync"
MOST_VISITS = 20_000

SyncId = Annotated[uuid.UUID, Path(description="The sync, which is its job's id too.")]


class SyncRequest(BaseModel):
    """The source to sync."""

    model_config = ConfigDict(extra="forbid")

    source: str | None = Field(
        default=None, description="The source; without it, the first one.", max_length=100
    )
    approve: bool = Field(
        default=False, description="Go on even if more than a tenth of the tracks are missing."
    )
    trigger: Literal["api", "ui"] = Field(
        default="api", description="Who asks: a program or the page."
    )


@router.post(
    "/api/v1/tracks/sync",
    tags=["catalogue"],
    summary="Start a sync of the race tracks",
    status_code=202,
    response_model=None,
    responses=answers.NEW_SYNC,
)
@open_to(Scope.ADMIN)
def start_sync(context: ContextDep, wanted: SyncRequest | None = None) -> dict[str, Any]:
    """Queue a sync; the answer has its `job_id`. A running service begins it within seconds.

    Where only the API runs, without Dagster, the sync stays queued until `trackflow serve` runs or
    a person calls `trackflow jobs resume JOB_ID`. A second sync of the same source is refused at
    once.
    """
    job = queue_job(context, KIND, (wanted or SyncRequest()).model_dump())
    return {"job_id": str(job.job_id)}


@router.get(
    "/api/v1/tracks/sync/{job_id}",
    tags=["catalogue"],
    summary="How far a sync of race tracks is",
    responses=answers.SYNC,
)
@open_to(Scope.READ)
def show_sync(
    request: Request,
    context: ContextDep,
    job_id: Annotated[uuid.UUID, Path(description="As answered.")],
) -> Response:
    """Pages `processed` of `total` (null until the list is there), and `seconds_left` if known.

    `report` is null until the sync has ended. A successful sync may have changed nothing: `outcome`
    shows whether a guard refused the list or a person has to approve it.
    """
    job = read_job(context, job_id)
    if job.kind != KIND:
        raise NotFoundError(f"the job {job_id} is no sync of race tracks")
    return answer(request, answers.sync_answer(job))


@router.get(
    "/api/v1/catalogue/sources",
    tags=["catalogue"],
    summary="Sources of race tracks",
    responses=answers.SOURCES,
)
@open_to(Scope.READ)
def list_sources(request: Request, context: ContextDep) -> Response:
    """Each source with its counts, its last sync, and the running or waiting one."""
    waiting = [job for job in recent_jobs(context) if _waits(job)]
    found = [
        answers.source_entry(
            status.status(context, name),
            [job for job in waiting if job.parameters.get("source") == name],
        )
        for name in sources(context.settings)
    ]
    return answer(request, {"sources": found})


@router.get(
    "/api/v1/catalogue/reports",
    tags=["catalogue"],
    summary="The last syncs of a source",
    responses=answers.REPORTS,
)
@open_to(Scope.READ)
def list_reports(
    request: Request,
    context: ContextDep,
    source: Source = "",
    limit: Annotated[int, Query(description="So many at most.", ge=1, le=100)] = 10,
) -> Response:
    """Reports of the last syncs that have ended, the newest first, without their long lists."""
    name = source_named(context.settings, source).source
    found = last_reports(context, name, limit)
    return answer(request, {"reports": [short_report(report) for report in found]})


@router.get(
    "/api/v1/catalogue/reports/{sync_id}",
    tags=["catalogue"],
    summary="The report of a sync",
    responses=answers.REPORT,
)
@open_to(Scope.READ)
def show_report(request: Request, context: ContextDep, sync_id: SyncId) -> Response:
    """The report of a sync; as Markdown if `Accept` asks for `text/markdown`."""
    report = read_report(context, sync_id)
    if answers.MARKDOWN in request.headers.get("accept", ""):
        return answer_bytes(request, report.to_markdown().encode(), answers.MARKDOWN)
    return answer(request, report.as_dict())


@router.post(
    "/api/v1/catalogue/reports/{sync_id}/undo",
    tags=["catalogue"],
    summary="Undo what a sync has changed",
    response_model=None,
    responses=answers.UNDO,
)
@open_to(Scope.ADMIN)
def undo(context: ContextDep, sync_id: SyncId) -> dict[str, Any]:
    """Restore every row that the sync changed; `rows` is their number.

    400 if there is nothing to undo, or a later sync has changed the same tracks.
    """
    return {"sync_id": str(sync_id), "rows": catalogue_undo.undo(context, sync_id)}


@router.get(
    "/api/v1/visits",
    tags=["catalogue"],
    summary="When devices stayed at race tracks",
    response_class=GeoJson,
    responses=VISITS,
)
@open_to(Scope.READ)
def visits(request: Request, context: ContextDep, device: DeviceIds, when: AnyTime) -> Response:
    """GeoJSON points, each where the race track is, of visits that overlap the time.

    A visit is the time in which a device was never seen further away than
    `TRACKFLOW_VISIT_RADIUS_M`, if that is at least `TRACKFLOW_VISIT_MIN` minutes.
    """
    found = read_visits(context, device, when, MOST_VISITS)
    return answer(request, visits_answer(found), GEOJSON)


def _waits(job: Job) -> bool:
    return job.kind == KIND and job.status in (JobStatus.QUEUED, JobStatus.RUNNING)
