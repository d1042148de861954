"""How far devices went, day by day."""

import datetime as dt
from typing import Annotated

from fastapi import Query, Request, Response

from trackflow.api.access import open_to
from trackflow.api.answers import DeviceIds, answer
from trackflow.api.dependencies import WorkDep, guarded_router
from trackflow.errors import BadInputError
from trackflow.pipeline.reading_days import read_days
from trackflow.store.tokens import Scope

router = guarded_router()

FIRST, LAST = dt.date(1900, 1, 2), dt.date(2199, 12, 30)


@router.get("/api/v1/days", tags=["tracks"], summary="Distance and driving time by day")
@open_to(Scope.READ)
def days(
    request: Request,
    work: WorkDep,
    device: DeviceIds,
    from_: Annotated[dt.date | None, Query(alias="from", description="First day.")] = None,
    to: Annotated[dt.date | None, Query(description="Last day; it is included.")] = None,
) -> Response:
    """By day and device: metres, seconds of driving, and how many tracks touch the day.

    Days are those of the device's time zone. A track over midnight is shared by the distance
    travelled on each side, so the days of a track add up to its distance.
    """
    for day in (from_, to):
        if day is not None and not FIRST <= day <= LAST:
            raise BadInputError(f"days lie between {FIRST} and {LAST}")
    return answer(request, read_days(work, device, from_, to))
