"""Batches of meshes: many images with the same parameters, as a job."""

import uuid
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.errors import NotFoundError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.jobs.control import read_job, recent_jobs
from trackflow.usecases.jobs.kinds import queue_job
from trackflow.usecases.meshes import batching, sync
from trackflow.web.answers.meshes import (
    BATCH,
    BATCHES,
    NEW_BATCH,
    MeshBatchAnswer,
    batch_answer,
)
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.security.access import open_to

router = guarded_router()

KINDS = (batching.KIND, sync.KIND)

ImageName = Annotated[str, Field(max_length=2000, pattern=NO_NUL)]


class MeshBatchRequest(BaseModel):
    """The images of a batch and the parameters of their meshes."""

    model_config = ConfigDict(extra="forbid")

    images: list[ImageName] = Field(
        description="Keys of images, as `POST /api/v1/mesh-images` answers, or addresses.",
        min_length=1,
        max_length=batching.MOST_IMAGES,
        examples=[["upload/horse.png-9f86d08188", "https://images.example/hill.png"]],
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="What is asked of each mesh."
    )
    project: str | None = Field(
        None, description="The project that they belong to.", max_length=200, pattern=NO_NUL
    )


@router.get(
    "/api/v1/mesh-batches", tags=["meshes"], summary="The newest batches", responses=BATCHES
)
@open_to(Scope.READ)
def list_batches(
    request: Request,
    context: ContextDep,
    limit: Annotated[int, Query(description="So many at most.", ge=1, le=100)] = 20,
) -> Response:
    """Batches and syncs among the newest hundred jobs, the newest first."""
    jobs = [job for job in recent_jobs(context) if job.kind in KINDS]
    return answer(request, {"batches": [batch_answer(job) for job in jobs[:limit]]})


@router.post(
    "/api/v1/mesh-batches",
    tags=["meshes"],
    summary="Ask for many meshes",
    status_code=202,
    response_model=None,
    responses=NEW_BATCH,
)
@open_to(Scope.ADMIN)
def ask_for_batch(
    context: ContextDep, caller: CallerDep, wanted: MeshBatchRequest
) -> MeshBatchAnswer:
    """Queue a mesh of each image; one that fails does not stop the others.

    Its meshes are listed by `GET /api/v1/meshes?batch=`. The batch is a job: the jobs' routes
    cancel and resume it. 404 if there is no image of a key.
    """
    parameters = wanted.model_dump() | {"user": caller.name or None}
    return batch_answer(queue_job(context, batching.KIND, parameters))


@router.get(
    "/api/v1/mesh-batches/{batch_id}", tags=["meshes"], summary="One batch", responses=BATCH
)
@open_to(Scope.READ)
def show_batch(
    request: Request,
    context: ContextDep,
    batch_id: Annotated[uuid.UUID, Path(description="The batch, as listed.")],
) -> Response:
    """How many meshes are completed and failed. 404 if there is no such batch."""
    job = read_job(context, batch_id)
    if job.kind not in KINDS:
        raise NotFoundError(f"the job {batch_id} is no batch of meshes")
    return answer(request, batch_answer(job))
