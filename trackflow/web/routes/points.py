"""Points that people hide and restore."""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.geo.bbox import Bbox
from trackflow.geo.time import within_calendars
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.intake import hiding
from trackflow.web.answers import hidings as answers
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL
from trackflow.web.security.access import decider, open_to

router = guarded_router()


class HidingBody(BaseModel):
    """Which points of a device to hide: those within all given limits, at least one of them."""

    model_config = ConfigDict(extra="forbid")

    device_id: str = Field(description="The device.", max_length=200, pattern=NO_NUL)
    start_time: dt.datetime | None = Field(None, description="From when.")
    end_time: dt.datetime | None = Field(None, description="Until when, not included.")
    area: tuple[float, float, float, float] | None = Field(
        None,
        description="Only there: west, south, east and north in degrees; west is greater than "
        "east across the antimeridian.",
    )


@router.get(
    "/api/v1/points/hidings",
    tags=["points"],
    summary="Points that people have hidden",
    responses=answers.HIDINGS,
)
@open_to(Scope.ADMIN)
def hidings(
    request: Request,
    context: ContextDep,
    device: Annotated[
        str | None, Query(description="Of this device only.", max_length=200, pattern=NO_NUL)
    ] = None,
    restored: Annotated[bool, Query(description="Also those that count no more.")] = False,
) -> Response:
    """Times and areas, and who hid them when. For admins, as an area may tell what was hidden."""
    found = []
    if device is None or "\0" not in device:  # PostgreSQL's text cannot hold it
        found = hiding.list_hidings(context, device, with_restored=restored)
    shown: answers.HidingsAnswer = {"hidings": [answers.hiding_answer(one) for one in found]}
    return answer(request, shown)


@router.post(
    "/api/v1/points/hidings",
    tags=["points"],
    summary="Hide points",
    response_model=None,
    responses=answers.HIDING,
)
@open_to(Scope.ADMIN)
def hide(context: ContextDep, caller: CallerDep, wanted: HidingBody) -> answers.HidingReportAnswer:
    """Tracks, exports and the map leave them out once their days are made anew.

    Points that arrive later are hidden as well. The same hiding again changes nothing.
    """
    report = hiding.hide_points(
        context,
        wanted.device_id,
        None if wanted.start_time is None else within_calendars(wanted.start_time),
        None if wanted.end_time is None else within_calendars(wanted.end_time),
        None if wanted.area is None else Bbox(*wanted.area),
        hidden_by=decider(caller),
    )
    return answers.report_answer(report)


@router.post(
    "/api/v1/points/hidings/{hiding_id}/restore",
    tags=["points"],
    summary="Restore hidden points",
    response_model=None,
    responses=answers.HIDING,
)
@open_to(Scope.ADMIN)
def restore(
    context: ContextDep,
    caller: CallerDep,
    hiding_id: Annotated[uuid.UUID, Path(description="The hiding, as listed.")],
) -> answers.HidingReportAnswer:
    """Their days are made anew. 404 if there is no such hiding."""
    return answers.report_answer(
        hiding.restore_points(context, hiding_id, restored_by=decider(caller))
    )
