"""The routes of the mesh service."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.housekeeping.health import WriteProbe
from trackflow.usecases.meshes.control import cancel_mesh, read_file
from trackflow.usecases.meshes.requests import MeshRequest
from trackflow.usecases.meshes.service_states import mesh_state
from trackflow.usecases.meshes.serving import queue_length, submit
from trackflow.web.answers.meshes import MEDIA_TYPES, media_type_of
from trackflow.web.content_types import FORM_TYPE, JSON_TYPE, content_type_of
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.mesh_service.models import (
    HealthState,
    MeshState,
    MeshSubmission,
    QueueState,
    body_of_submission,
)
from trackflow.web.mesh_service.working import MeshWork
from trackflow.web.security.access import open_to

router = guarded_router()

MeshId = Annotated[
    str, Path(description="The mesh, as answered.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
]
FileName = Annotated[
    str, Path(description="Its name, such as `mesh.glb`.", pattern=r"^[A-Za-z0-9._-]{1,100}$")
]
IdempotencyKey = Annotated[
    str | None,
    Header(description="A second request with the same key gives the first one's mesh."),
]

MOST_FIELDS = 20
MOST_JSON_BYTES = 1_000_000


async def _work(request: Request) -> MeshWork:
    work: MeshWork = request.app.state.work
    return work


WorkDep = Annotated[MeshWork, Depends(_work)]


@router.post(
    "/meshes",
    tags=["meshes"],
    summary="Request a mesh",
    status_code=202,
    response_model=MeshState,
    openapi_extra={"requestBody": body_of_submission()},
)
@open_to(Scope.ADMIN)
async def request_mesh(
    request: Request, context: ContextDep, work: WorkDep, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Queue a mesh of an uploaded image, or of the image at an address.

    The same request again, by its `Idempotency-Key` or its `mesh_id`, gives the same mesh; one that
    was cancelled, or that failed in a way that may pass, is made again.
    """
    wanted, callback_url = await _submission(request, idempotency_key)
    base_url = _base_url(request)
    state = await run_in_threadpool(
        submit, context, wanted, callback_url=callback_url, base_url=base_url
    )
    work.wake()
    return state


@router.get("/meshes/{mesh_id}", tags=["meshes"], summary="One mesh", response_model=MeshState)
@open_to(Scope.READ)
def show_mesh(request: Request, context: ContextDep, mesh_id: MeshId) -> dict[str, Any]:
    """The state of a mesh: its progress, and its result or why there is none."""
    return mesh_state(context, mesh_id, _base_url(request))


@router.delete(
    "/meshes/{mesh_id}", tags=["meshes"], summary="Cancel a mesh", response_model=MeshState
)
@open_to(Scope.ADMIN)
def cancel(request: Request, context: ContextDep, mesh_id: MeshId) -> dict[str, Any]:
    """End the work on a mesh: at once if it waits, else within seconds.

    One that has ended stays as it is.
    """
    cancel_mesh(context, mesh_id)
    return mesh_state(context, mesh_id, _base_url(request))


@router.get(
    "/meshes/{mesh_id}/files/{name}",
    tags=["meshes"],
    summary="A file of a mesh",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}}},
)
@open_to(Scope.READ)
def download(context: ContextDep, mesh_id: MeshId, name: FileName) -> Response:
    """The bytes of a file; the mesh's state names all of its files."""
    file, content = read_file(context, mesh_id, name)
    headers = {
        "Cache-Control": "private, max-age=31536000, immutable",
        "Content-Disposition": f'attachment; filename="{file.name}"',
        "ETag": f'"{file.sha256}"',
    }
    return Response(content, headers=headers, media_type=media_type_of(file.name))


@router.get("/queue", tags=["service"], summary="The queue", response_model=QueueState)
@open_to(Scope.READ)
def show_queue(context: ContextDep) -> Any:
    """How many meshes wait and are being made, and how many callbacks are still to be sent."""
    return queue_length(context)


@router.get("/health", tags=["service"], summary="The health", response_model=HealthState)
@open_to(None)
def health(request: Request, work: WorkDep) -> dict[str, str]:
    """Answers `{"status": "ok"}`; 503 while the service cannot take or make meshes. Open to all."""
    probe: WriteProbe = request.app.state.write_probe
    probe.check()
    work.check()
    return {"status": "ok", "generator_version": work.generator_version}


def _base_url(request: Request) -> str:
    """The address of this service: as it is set, or else as the requester wrote it."""
    context: Context = request.app.state.context
    return context.settings.public_url or str(request.base_url).rstrip("/")


async def _submission(
    request: Request, idempotency_key: str | None
) -> tuple[MeshRequest, str | None]:
    """The request and the address of its callbacks, from a form or from JSON.

    Raises:
        BadInputError: it makes no sense.
    """
    kind = content_type_of(request)
    if kind == FORM_TYPE:
        return await _of_form(request, idempotency_key)
    if kind != JSON_TYPE:
        raise BadInputError("send the request as application/json or multipart/form-data")
    body = await request.body()
    if len(body) > MOST_JSON_BYTES:
        raise BadInputError(f"the JSON has more than {MOST_JSON_BYTES:,} bytes: upload the image")
    try:
        wanted = MeshSubmission.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the JSON"
        raise BadInputError(f"{place}: {first['msg']}") from None
    return MeshRequest(
        image_url=wanted.image_url,
        name=wanted.name,
        parameters=wanted.parameters,
        mesh_id=wanted.mesh_id,
        idempotency_key=idempotency_key,
        wants_notice=False,
    ), wanted.callback_url


async def _of_form(request: Request, idempotency_key: str | None) -> tuple[MeshRequest, str | None]:
    async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise BadInputError("the form needs a file of the name `image`")
        content, file_name = await image.read(), image.filename
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
    unknown = set(fields) - {"name", "parameters", "mesh_id", "callback_url"}
    if unknown:
        raise BadInputError(f"the form has no field {min(unknown)[:100]!r}")
    return MeshRequest(
        image=content,
        name=fields.get("name") or file_name or "image",
        parameters=_parameters(fields.get("parameters", "{}")),
        mesh_id=fields.get("mesh_id"),
        idempotency_key=idempotency_key,
        wants_notice=False,
    ), fields.get("callback_url")


def _parameters(text: str) -> dict[str, Any]:
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise BadInputError('parameters is no JSON object, such as {"detail_factor": 0.02}')
    return values
