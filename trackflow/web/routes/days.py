"""Distances of devices, day by day and between two moments."""

import datetime as dt
from typing import Annotated

from fastapi import Query, Request, Response

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.days import read_days, read_distances
from trackflow.web.answers.days import DAYS, DISTANCES, days_answer, distances_answer
from trackflow.web.answers.sending import answer
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import open_to

router = guarded_router()


@router.get(
    "/api/v1/days",
    tags=["tracks"],
    summary="Distance and driving time by day",
    responses=DAYS,
)
@open_to(Scope.READ)
def days(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    from_: Annotated[dt.date | None, Query(alias="from", description="First day.")] = None,
    to: Annotated[dt.date | None, Query(description="Last day; it is included.")] = None,
    zone: Annotated[
        str | None,
        Query(
            description="The time zone whose days are meant, such as Europe/Helsinki, or `device` "
            "for the one that each device was given. TRACKFLOW_TIME_ZONE without it.",
            max_length=100,
        ),
    ] = None,
) -> Response:
    """By day and device: metres, seconds of driving, and the number of tracks on the day.

    A track over midnight counts on each day with the part that was travelled on it, so days add up
    to the tracks' distances, to the millimetre. `time_zone` is the zone of the days.
    """
    return answer(request, days_answer(read_days(context, device, from_, to, zone)))


@router.get(
    "/api/v1/distances",
    tags=["tracks"],
    summary="Distance and driving time of devices",
    responses=DISTANCES,
)
@open_to(Scope.READ)
def distances(request: Request, context: ContextDep, device: DeviceIds, when: AnyTime) -> Response:
    """By device: metres, seconds of driving, and the number of tracks, of the parts in the time.

    A track that reaches beyond the time counts with the part that lies in it. Between two midnights
    the figures are those of the days.
    """
    return answer(request, distances_answer(read_distances(context, device, when)))
