"""Meshes: ask for one, watch it, try it again, cancel it, delete it."""

import datetime as dt
import uuid
from typing import Annotated, Any

import orjson
from fastapi import Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.meshes import control
from trackflow.usecases.meshes.control import MeshStatus
from trackflow.usecases.meshes.draping import with_chosen_tracks
from trackflow.usecases.meshes.removal import remove_mesh
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh, save_image
from trackflow.usecases.meshes.track_choice import TrackChoice
from trackflow.web.answers.meshes import (
    MESH,
    MESHES,
    NEW_IMAGE,
    NEW_MESH,
    MeshAnswer,
    MeshImageAnswer,
    mesh_answer,
    meshes_answer,
)
from trackflow.web.answers.sending import answer
from trackflow.web.content_types import FORM_TYPE, JSON_TYPE, content_type_of
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.schemas import schema_of
from trackflow.web.security.access import open_to

router = guarded_router()

IMAGE_PATHS = ("/api/v1/meshes", "/api/v1/mesh-images")
"""Routes that receive images: their bodies may be larger than others."""

MOST_ON_A_PAGE = 1000
MeshId = Annotated[
    str,
    Path(
        description="The mesh, as listed.", max_length=100, pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$"
    ),
]

BODY_ERRORS: dict[int | str, dict[str, Any]] = {
    408: {"description": "The image took too long to arrive."},
    413: {"description": "The image is larger than `TRACKFLOW_MESH_IMAGE_MB` allows."},
    415: {"description": "The body is neither JSON nor a form."},
}


class TracksOnTerrain(BaseModel):
    """Tracks whose matched lines are laid on a terrain: by id, device, or race track."""

    model_config = ConfigDict(extra="forbid")

    track_ids: tuple[uuid.UUID, ...] = Field((), description="These tracks.", max_length=1000)
    device_id: str | None = Field(
        None, description="Those of a device.", max_length=200, pattern=NO_NUL
    )
    first: dt.date | None = Field(None, description="Those that end on this UTC day or later.")
    last: dt.date | None = Field(None, description="Those that begin on this UTC day or before.")
    race_track: str | None = Field(
        None,
        description="Those of visits to the race track of this slug.",
        max_length=200,
        pattern=NO_NUL,
    )


class MeshSubmission(BaseModel):
    """An image by its address or its key, and the parameters of its mesh."""

    model_config = ConfigDict(extra="forbid")

    image_url: str | None = Field(
        None,
        description="Address of the image.",
        max_length=2000,
        pattern=NO_NUL,
        examples=["https://images.example/horse.png"],
    )
    image_key: str | None = Field(
        None,
        description="Key of an image that is known, instead of an address.",
        max_length=300,
        pattern=NO_NUL,
    )
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="What is asked; what is left out has its default.",
        examples=[{"detail_factor": 0.02}],
    )
    tracks: TracksOnTerrain | None = Field(
        None, description="Tracks on the terrain of an image that says where it lies."
    )
    mesh_id: str | None = Field(
        None, description="An id of the caller's choice; without it, a new one.", max_length=100
    )
    name: str | None = Field(
        None, description="The image's name for people.", max_length=200, pattern=NO_NUL
    )
    project: str | None = Field(
        None, description="The project that it belongs to.", max_length=200, pattern=NO_NUL
    )


FORM = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "binary", "description": "The image, one file."},
        "parameters": {
            "type": "string",
            "description": "What is asked, as JSON.",
            "example": '{"detail_factor": 0.02}',
        },
        "tracks": {
            "type": "string",
            "description": "Tracks on the terrain, as JSON, as in a request without an image.",
            "example": '{"device_id": "van-1", "first": "2026-11-01"}',
        },
        "mesh_id": {"type": "string", "maxLength": 100},
        "project": {"type": "string", "maxLength": 200},
    },
}


def _takes(*more: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    content = {FORM_TYPE: {"schema": FORM}} | {kind: {"schema": schema} for kind, schema in more}
    return {"requestBody": {"required": True, "content": content}}


@router.get("/api/v1/meshes", tags=["meshes"], summary="Meshes", responses=MESHES)
@open_to(Scope.READ)
def list_meshes(
    request: Request,
    context: ContextDep,
    status: Annotated[
        list[MeshStatus],
        Query(description="Of this status only; may be given several times.", max_length=10),
    ] = [],  # noqa: B006  FastAPI copies defaults
    project: Annotated[
        str, Query(description="Of this project only.", max_length=200, pattern=NO_NUL)
    ] = "",
    batch: Annotated[uuid.UUID | None, Query(description="Of this batch only.")] = None,
    image: Annotated[
        str, Query(description="Of this image only, by its key.", max_length=300, pattern=NO_NUL)
    ] = "",
    limit: Annotated[int, Query(description="Meshes on a page.", ge=1, lt=MOST_ON_A_PAGE)] = 100,
    before: Annotated[
        str,
        Query(description="The `next` of the page before.", max_length=100, pattern=NO_NUL),
    ] = "",
) -> Response:
    """Meshes, the newest first; deleted and replaced ones (`retired`) only if asked for."""
    found = control.list_meshes(
        context,
        statuses=status,
        image_key=image or None,
        project=project or None,
        batch_id=batch,
        limit=limit + 1,
        before=before or None,
    )
    return answer(request, meshes_answer(found, limit))


@router.post(
    "/api/v1/meshes",
    tags=["meshes"],
    summary="Ask for a mesh",
    status_code=202,
    response_model=None,
    responses=NEW_MESH | BODY_ERRORS,
    openapi_extra=_takes(("application/json", schema_of(MeshSubmission))),
)
@open_to(Scope.ADMIN)
async def ask_for_mesh(
    request: Request,
    context: ContextDep,
    caller: CallerDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="A repeated request with it gives the mesh of the first.",
            max_length=200,
            pattern=NO_NUL,
        ),
    ] = None,
) -> MeshAnswer:
    """Queue a mesh of an image that is sent in a form, or that lies at an address (JSON).

    The answer has its `mesh_id`; watch `status` and `progress` at `/api/v1/meshes/{mesh_id}`. A
    request for what waits already gives the waiting mesh. 400 if the parameters make no sense, or
    if the id or the `Idempotency-Key` stands for another request.
    """
    wanted = await _submission(request)
    wanted |= {"idempotency_key": idempotency_key, "user_name": caller.name or None}
    if (tracks := wanted.pop("tracks", None)) is not None:
        wanted["parameters"] = await run_in_threadpool(
            with_chosen_tracks, context, wanted["parameters"], TrackChoice(**tracks)
        )
    mesh = await run_in_threadpool(request_mesh, context, MeshRequest(**wanted))
    return await run_in_threadpool(_answer, context, mesh)


@router.post(
    "/api/v1/mesh-images",
    tags=["meshes"],
    summary="Send an image for a batch",
    response_model=None,
    responses=NEW_IMAGE | BODY_ERRORS,
    openapi_extra=_takes(),
)
@open_to(Scope.ADMIN)
async def receive_image(
    request: Request, context: ContextDep, caller: CallerDep
) -> MeshImageAnswer:
    """Store an image; its key is then named in `POST /api/v1/mesh-batches`.

    The same image sent twice is stored once.
    """
    if content_type_of(request) != FORM_TYPE:
        raise HTTPException(415, "send the image in a form (multipart/form-data)")
    wanted = await _form(request)
    if wanted.pop("tracks", None) is not None:
        raise BadInputError("tracks are named when the mesh is asked for, not with an image")
    wanted |= {"mesh_id": None, "user_name": caller.name or None}
    image_key = await run_in_threadpool(save_image, context, MeshRequest(**wanted))
    return {"image_key": image_key, "name": wanted["name"]}


@router.get("/api/v1/meshes/{mesh_id}", tags=["meshes"], summary="One mesh", responses=MESH)
@open_to(Scope.READ)
def show_mesh(request: Request, context: ContextDep, mesh_id: MeshId) -> Response:
    """The state of a mesh, its numbers and its files. 404 if there is none of this id."""
    return answer(request, _answer(context, control.read_mesh(context, mesh_id)))


@router.post(
    "/api/v1/meshes/{mesh_id}/retry",
    tags=["meshes"],
    summary="Try a mesh again",
    response_model=None,
    responses=MESH,
)
@open_to(Scope.ADMIN)
def retry_mesh(context: ContextDep, mesh_id: MeshId) -> MeshAnswer:
    """Queue a failed or cancelled mesh again, with all its tries; 400 for any other."""
    (mesh,) = control.retry_meshes(context, [mesh_id])
    return _answer(context, mesh)


@router.post(
    "/api/v1/meshes/{mesh_id}/cancel",
    tags=["meshes"],
    summary="Cancel a mesh",
    response_model=None,
    responses=MESH,
)
@open_to(Scope.ADMIN)
def cancel_mesh(context: ContextDep, mesh_id: MeshId) -> MeshAnswer:
    """A waiting mesh stops at once, one in work within seconds. One that has ended stays."""
    return _answer(context, control.cancel_mesh(context, mesh_id))


@router.delete(
    "/api/v1/meshes/{mesh_id}",
    tags=["meshes"],
    summary="Delete a mesh",
    response_model=None,
    responses=MESH,
)
@open_to(Scope.ADMIN)
def delete_mesh(context: ContextDep, mesh_id: MeshId) -> MeshAnswer:
    """Delete a mesh; a cleanup deletes its files. Its `status` is `retired` then.

    400 if it is being made, or if its image lies where a sync would find it again.
    """
    return _answer(context, remove_mesh(context, mesh_id))


def _answer(context: Context, mesh: control.Mesh) -> MeshAnswer:
    return mesh_answer(mesh, control.files_of_mesh(context, mesh.mesh_id))


async def _submission(request: Request) -> dict[str, Any]:
    """What a request asks, as the fields of a `MeshRequest`."""
    kind = content_type_of(request)
    if kind == FORM_TYPE:
        return await _form(request)
    if kind not in (JSON_TYPE, ""):
        raise HTTPException(415, "send JSON (application/json) or a form (multipart/form-data)")
    return _validated(await request.body())


def _validated(body: bytes) -> dict[str, Any]:
    try:
        return MeshSubmission.model_validate_json(body).model_dump()
    except ValidationError as error:
        places = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        raise RequestValidationError(places) from None


async def _form(request: Request) -> dict[str, Any]:
    """The image and the fields of a form; large images go through a file, not through memory."""
    async with request.form(max_files=1, max_fields=10) as form:
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise BadInputError("the form has no file `image`")
        content = await image.read()
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        name = (image.filename or "image").replace("\\", "/").rpartition("/")[2]
    for part in ("parameters", "tracks"):
        try:
            fields[part] = orjson.loads(fields.get(part) or "null")
        except orjson.JSONDecodeError:
            raise BadInputError(f"`{part}` is no JSON") from None
    # a browser sends empty fields, too
    given = {key: value for key, value in fields.items() if value not in ("", None)}
    found = _validated(orjson.dumps({"name": name.replace("\0", "") or "image", **given}))
    if found["image_url"] is not None or found["image_key"] is not None:
        raise BadInputError("a form has an image: it takes no image_url and no image_key")
    return found | {"image": content}
