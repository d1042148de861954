"""Imports of files over HTTP: send files, see what became of each, undo."""

from typing import Annotated, Any

from fastapi import Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from trackflow.errors import BadInputError
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.values.moments import DateOrder
from trackflow.sources.values.zones import zone_option
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.intake.undoing import past_imports, undo_import
from trackflow.usecases.intake.uploading import UploadedFile, import_uploads
from trackflow.web.answers import imports as answers
from trackflow.web.answers.sending import answer
from trackflow.web.content_types import FORM_TYPE, content_type_of
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.security.access import open_to

router = guarded_router()

IMPORT_PATH = "/api/v1/imports"
MOST_FILES = 2_000
MOST_FIELD_BYTES = 10_000

_FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "Files and archives of any format that `trackflow import` reads.",
        },
        "device": {
            "type": "string",
            "description": "The device of all points, in place of the files' own.",
            "maxLength": 200,
        },
        "time_zone": {
            "type": "string",
            "description": "Of times that name none, such as Europe/Helsinki; else UTC.",
        },
        "dates": {
            "type": "string",
            "description": "How to read 1/5/2024: day-first or month-first.",
        },
        "dry_run": {"type": "string", "description": "`yes` reports only, and stores nothing."},
    },
}


@router.post(
    IMPORT_PATH,
    tags=["imports"],
    summary="Import files",
    response_model=None,
    responses=answers.IMPORT
    | {
        408: {"description": "The files took too long to arrive."},
        413: {"description": "The files are too large together."},
        415: {"description": "The body is no form."},
    },
    openapi_extra={"requestBody": {"required": True, "content": {FORM_TYPE: {"schema": _FORM}}}},
)
@open_to(Scope.ADMIN)
async def import_files(request: Request, context: ContextDep) -> answers.ImportAnswer:
    """What became of each file; importing one again adds nothing.

    One bad file never stops the others. `import_id` undoes the import. The days that got points are
    made by the live worker, or by the next run.
    """
    if content_type_of(request) != FORM_TYPE:
        raise HTTPException(415, f"send the files as {FORM_TYPE}")
    form = request.form(max_files=MOST_FILES, max_fields=20, max_part_size=MOST_FIELD_BYTES)
    async with form as sent:
        files = [
            UploadedFile(part.filename or "file", part.file)
            for part in sent.getlist("file")
            if isinstance(part, UploadFile)
        ]
        report = await run_in_threadpool(
            import_uploads,
            context,
            files,
            device_id=_field(sent, "device"),
            options=_options(_field(sent, "time_zone"), _field(sent, "dates")),
            dry_run=_field(sent, "dry_run") == "yes",
        )
    return answers.import_answer(report)


def _field(sent: FormData, name: str) -> str | None:
    value = sent.get(name)
    if isinstance(value, UploadFile):
        raise BadInputError(f"{name} is a text, and no file")
    return (value or "").strip() or None


def _options(time_zone: str | None, dates: str | None) -> ReadOptions:
    orders = {order.value: order for order in DateOrder}
    if dates is not None and dates not in orders:
        raise BadInputError(f"`dates` is {' or '.join(orders)}")
    return ReadOptions(
        zone=DEFAULTS.zone if time_zone is None else zone_option(time_zone),
        order=None if dates is None else orders[dates],
    )


@router.get(IMPORT_PATH, tags=["imports"], summary="Past imports", responses=answers.IMPORTS)
@open_to(Scope.ADMIN)
def imports(request: Request, context: ContextDep) -> Response:
    """Those that can be undone, and those that were; the newest first."""
    return answer(request, answers.imports_answer(past_imports(context)))


@router.post(
    "/api/v1/imports/{import_id}/undo",
    tags=["imports"],
    summary="Undo an import",
    response_model=None,
    responses=answers.UNDONE,
)
@open_to(Scope.ADMIN)
def undo(
    context: ContextDep,
    import_id: Annotated[
        str, Path(description="The import, as listed.", pattern="^[0-9a-f]{8}$", max_length=8)
    ],
) -> answers.UndoneImportAnswer:
    """The store is as if it had never been imported; the days are made anew.

    Points that it replaced, or that others brought as well, are stored again. 404 if there is no
    such import.
    """
    return answers.undone_answer(undo_import(context, import_id))
