"""Search, tracks that pass somewhere, and what is known along a track."""

import uuid
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from trackflow.errors import BadInputError
from trackflow.geo.bbox import read_box
from trackflow.geo.crossing import Area, Circle, read_circle
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.finding import LONGEST, find
from trackflow.usecases.queries.line_sources import LineSource
from trackflow.usecases.queries.passing import PassingQuery, read_passing
from trackflow.usecases.queries.track_ends import read_ends
from trackflow.usecases.queries.track_points import read_profile
from trackflow.usecases.queries.tracks import TrackSelection
from trackflow.web.answers import finding as answers
from trackflow.web.answers.sending import answer
from trackflow.web.cursors import read_cursor, write_cursor
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import open_to

router = guarded_router()

MOST_TRACKS = 1000
DEFAULT_RADIUS_M = 100.0

Limit = Annotated[int, Query(description="Tracks on a page.", ge=1, le=MOST_TRACKS)]
Cursor = Annotated[str | None, Query(description="The `next` of the page before.", max_length=100)]
Near = Annotated[
    str | None,
    Query(
        description="Longitude,latitude in degrees.", examples=["24.9384,60.1699"], max_length=100
    ),
]


def _area(
    near: Near = None,
    radius_m: Annotated[
        float,
        Query(description="Metres around `near`.", gt=0, le=1_000_000, allow_inf_nan=False),
    ] = DEFAULT_RADIUS_M,
    bbox: Annotated[
        str | None,
        Query(
            description="Instead of `near`: west,south,east,north in degrees.",
            examples=["24.9,60.1,25.0,60.2"],
            max_length=200,
        ),
    ] = None,
) -> Area:
    if (near is None) == (bbox is None):
        raise BadInputError("give either `bbox` or `near`")
    return read_circle(near, radius_m) if near is not None else read_box(bbox or "")


@router.get("/api/v1/find", tags=["finding"], summary="Search by name, date or position",
            responses=answers.FIND)  # fmt: skip
@open_to(Scope.READ)
def search(
    request: Request,
    context: ContextDep,
    q: Annotated[
        str,
        Query(
            description="Part of the name of a device, place, track, street or town, a date, or "
            "coordinates.",
            examples=["mannerheim"],
            max_length=LONGEST,
        ),
    ],
    near: Near = None,
    limit: Annotated[int, Query(description="Of each group.", ge=1, le=50)] = 8,
) -> Response:
    """Devices, places, named tracks, streets, towns, days and positions that fit, the best first.

    Case and accents do not count. Of equal names, the nearest to `near` is first. No service is
    asked: streets come from the road networks' extracts, towns from GeoNames.
    """
    here = None
    if near is not None:
        at: Circle = read_circle(near, DEFAULT_RADIUS_M)
        here = (at.longitude, at.latitude)
    return answer(request, answers.find_answer(find(context, q, here, limit)))


@router.get(
    "/api/v1/tracks/through",
    tags=["finding"],
    summary="Tracks through a box, or near a place",
    responses=answers.PASSINGS,
)
@open_to(Scope.READ)
def through(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    when: AnyTime,
    area: Annotated[Area, Depends(_area)],
    line: Annotated[
        LineSource,
        Query(description="The line on roads where there are any, or the reported points."),
    ] = LineSource.MATCHED,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Tracks whose line passes there, the newest first, and when they were there first and last.

    Exact: between points too. A page may hold fewer tracks than `limit`, or none, and still have a
    `next`: how much is looked at for one page is limited.
    """
    after = None if cursor is None else read_cursor(cursor)
    page = read_passing(context, PassingQuery(area, device, when, line, limit, after))
    return answer(request, answers.passings_answer(page))


@router.get(
    "/api/v1/tracks/ends",
    tags=["finding"],
    summary="From where to where tracks went",
    responses=answers.ENDS,
)
@open_to(Scope.READ)
def ends(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    when: AnyTime,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Names of the places, addresses or towns in which tracks of a time began and ended, by start.

    Of places that are known, addresses that are stored, and towns of GeoNames: no service is asked.
    """
    after = None if cursor is None else read_cursor(cursor)
    found, following = read_ends(
        context, TrackSelection(device, when, None, LineSource.RAW.value, limit, after)
    )
    shown: answers.TracksEndsAnswer = {
        "tracks": [answers.ends_answer(track_id, its) for track_id, its in found],
        "next": None if following is None else write_cursor(following),
    }
    return answer(request, shown)


@router.get(
    "/api/v1/tracks/{track_id}/profile",
    tags=["finding"],
    summary="Speed, height and accuracy along a track",
    responses=answers.PROFILE,
)
@open_to(Scope.READ)
def profile(request: Request, context: ContextDep, track_id: uuid.UUID) -> Response:
    """What the device reported at the points of a track, in order of time. 404 if there is none."""
    return answer(request, answers.profile_answer(read_profile(context, track_id)))
