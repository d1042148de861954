"""How each part of a track was travelled, and what people decide about it."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.categories.modes import Mode
from trackflow.geo.time import within_calendars
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.categories import correcting, correction_files
from trackflow.usecases.queries.legs import read_legs
from trackflow.usecases.queries.limits import check_count
from trackflow.web.answers import legs as answers
from trackflow.web.answers.sending import CSV, answer, answer_bytes
from trackflow.web.csv_tables import CsvBody
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import decider, open_to

router = guarded_router()

MOST_LEGS = 20_000


class CorrectionBody(BaseModel):
    """The travel mode of a device for a time."""

    model_config = ConfigDict(extra="forbid")

    device_id: str = Field(description="The device.", max_length=200)
    start_time: dt.datetime = Field(description="From when it counts.")
    end_time: dt.datetime = Field(description="Until when it counts.")
    mode: Mode = Field(description="The travel mode.")


@router.get("/api/v1/legs", tags=["legs"], summary="Legs", responses=answers.LEGS)
@open_to(Scope.READ)
def legs(request: Request, context: ContextDep, device: DeviceIds, when: AnyTime) -> Response:
    """Parts of tracks in one travel mode that overlap the time.

    At most 20,000: 400 for more, choose a shorter time.
    """
    found = read_legs(context, device, when, MOST_LEGS)
    check_count(len(found), MOST_LEGS, "legs")
    return answer(request, answers.legs_answer(found))


@router.get(
    "/api/v1/legs/corrections",
    tags=["legs"],
    summary="Travel modes that people decided",
    responses=answers.CORRECTIONS,
)
@open_to(Scope.READ)
def corrections(
    request: Request,
    context: ContextDep,
    device: Annotated[str | None, Query(description="Of this device only.", max_length=200)] = None,
    undone: Annotated[bool, Query(description="Also those that were undone.")] = False,
) -> Response:
    """They beat the model and survive every recompute."""
    found = []
    if device is None or "\0" not in device:  # PostgreSQL's text cannot hold it
        chosen = None if device is None else (device,)
        found = correcting.list_corrections(context, chosen, with_undone=undone)
    shown: answers.CorrectionsAnswer = {
        "corrections": [answers.correction_answer(one) for one in found]
    }
    return answer(request, shown)


@router.post(
    "/api/v1/legs/corrections",
    tags=["legs"],
    summary="Decide a travel mode",
    response_model=None,
    responses=answers.CORRECTION,
)
@open_to(Scope.ADMIN)
def correct(
    context: ContextDep, caller: CallerDep, wanted: CorrectionBody
) -> answers.CorrectionAnswer:
    """Kept for the time until it is undone; the legs follow at once."""
    one = correcting.correct_mode(
        context,
        wanted.device_id,
        within_calendars(wanted.start_time),
        within_calendars(wanted.end_time),
        wanted.mode,
        decided_by=decider(caller),
    )
    return answers.correction_answer(one)


@router.get(
    "/api/v1/legs/corrections.csv",
    tags=["legs"],
    summary="Travel modes that people decided as CSV",
    response_class=Response,
    responses=answers.CORRECTIONS_CSV,
)
@open_to(Scope.READ)
def corrections_csv(request: Request, context: ContextDep, device: DeviceIds) -> Response:
    """The file of `trackflow legs export`, which the import reads."""
    found = "".join(correction_files.export_corrections(context, device))
    return answer_bytes(request, found.encode(), CSV)


@router.post(
    "/api/v1/legs/corrections/import",
    tags=["legs"],
    summary="Import travel modes from CSV",
    response_model=None,
    responses=answers.IMPORTED,
)
@open_to(Scope.ADMIN)
def import_csv(
    context: ContextDep, caller: CallerDep, wanted: CsvBody
) -> answers.ImportedCorrectionsAnswer:
    """Columns: start_time, end_time, device_id, mode.

    Rows that cannot be used are listed with their line. The same file again changes nothing.
    """
    report = correction_files.import_corrections(
        context, wanted.data(), "the CSV", decider(caller), wanted.options()
    )
    return answers.imported_answer(report)


@router.post(
    "/api/v1/legs/corrections/{correction_id}/undo",
    tags=["legs"],
    summary="Undo a correction",
    response_model=None,
    responses=answers.CORRECTION,
)
@open_to(Scope.ADMIN)
def undo(
    context: ContextDep,
    correction_id: Annotated[uuid.UUID, Path(description="The correction, as listed.")],
) -> answers.CorrectionAnswer:
    """An earlier correction, or the model, decides again. 404 if there is no such correction."""
    return answers.correction_answer(correcting.undo_correction(context, correction_id))
