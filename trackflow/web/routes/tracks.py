"""Tracks and stops as GeoJSON."""

import uuid
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.geo.bbox import Bbox, read_box
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.days.naming import name_track
from trackflow.usecases.queries.line_sources import LineSource
from trackflow.usecases.queries.stops import read_stops
from trackflow.usecases.queries.tracks import TrackSelection, read_track, read_tracks
from trackflow.web.answers import tracks as answers
from trackflow.web.answers.sending import GEOJSON, GeoJson, answer
from trackflow.web.cursors import read_cursor
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import decider, open_to

router = guarded_router()

MOST_TRACKS = 1000
MOST_STOPS = 20_000
MOST_TOLERANCE_M = 100_000.0


class Order(StrEnum):
    """Which tracks come first."""

    OLDEST = "oldest"
    NEWEST = "newest"


def _bbox(
    bbox: Annotated[
        str | None,
        Query(
            description="Only tracks whose bbox overlaps this one: west,south,east,north "
            "in degrees.",
            examples=["24.9,60.1,25.0,60.2"],
            max_length=200,
        ),
    ] = None,
) -> Bbox | None:
    return None if bbox is None else read_box(bbox)


@router.get(
    "/api/v1/tracks",
    tags=["tracks"],
    summary="Tracks by device, time and place",
    response_class=GeoJson,
    responses=answers.TRACKS,
)
@open_to(Scope.READ)
def tracks(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    when: AnyTime,
    bbox: Annotated[Bbox | None, Depends(_bbox)],
    line: Annotated[
        LineSource,
        Query(description="The line on roads where there are any, or the reported points."),
    ] = LineSource.MATCHED,
    simplify_m: Annotated[
        float,
        Query(
            description="Lines may be off by so many metres, and are so much shorter. For long "
            "times: a pixel at the zoom of the map.",
            ge=0,
            le=MOST_TOLERANCE_M,
            allow_inf_nan=False,
        ),
    ] = 0.0,
    limit: Annotated[int, Query(description="Tracks on a page.", ge=1, le=MOST_TRACKS)] = 100,
    cursor: Annotated[
        str | None, Query(description="The `next` of the page before.", max_length=100)
    ] = None,
    order: Annotated[Order, Query(description="Which tracks come first.")] = Order.OLDEST,
) -> Response:
    """A GeoJSON FeatureCollection of tracks that overlap the time and the bbox, by start.

    `next` is the `cursor` of the following page, null on the last one. A page may hold fewer than
    `limit` tracks if their lines are very long. A track that changes between two pages is shown as
    it is when its page is read; no change leaves out or repeats another track.
    """
    after = None if cursor is None else read_cursor(cursor)
    is_reversed = order is Order.NEWEST
    selection = TrackSelection(device, when, bbox, line.value, limit, after, is_reversed)
    page = read_tracks(context, selection)
    return answer(request, answers.tracks_answer(page, simplify_m), GEOJSON)


@router.get(
    "/api/v1/tracks/{track_id}",
    tags=["tracks"],
    summary="One track, and why it is one",
    response_class=GeoJson,
    responses=answers.TRACK,
)
@open_to(Scope.READ)
def track(request: Request, context: ContextDep, track_id: uuid.UUID) -> Response:
    """A GeoJSON Feature with the matched line; `raw` is the line of the reported points.

    `explanation` is why the track begins and ends where it does: the rule, the measured value and
    the limit. An id stays valid for good: after late points it leads to the track that covers its
    beginning, or else some of its time. Where there is no movement any more, the answer is 410 with
    the reason.
    """
    return answer(request, answers.track_answer(read_track(context, track_id)), GEOJSON)


class TrackNoteBody(BaseModel):
    """What people call a track, and what they say of it."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, description="One line; null for none.", max_length=1_000)
    note: str | None = Field(None, description="Any text; null for none.", max_length=10_000)


@router.put(
    "/api/v1/tracks/{track_id}/note",
    tags=["tracks"],
    summary="Name a track, and write a note",
    response_model=None,
    responses=answers.NOTE,
)
@open_to(Scope.ADMIN)
def name_it(
    context: ContextDep, caller: CallerDep, track_id: uuid.UUID, wanted: TrackNoteBody
) -> answers.TrackNoteAnswer:
    """They take the place of the name and the note that the track has, and survive every recompute.

    They belong to the track that holds the middle of this one's time. 404 or 410 if there is none.
    """
    one = name_track(
        context, track_id, name=wanted.name, note=wanted.note, decided_by=decider(caller)
    )
    return answers.note_answer(one)


@router.get(
    "/api/v1/stops",
    tags=["tracks"],
    summary="Where devices stayed between two tracks",
    response_class=GeoJson,
    responses=answers.STOPS,
)
@open_to(Scope.READ)
def stops(request: Request, context: ContextDep, device: DeviceIds, when: AnyTime) -> Response:
    """GeoJSON points with device, start, end and duration of stays that overlap the time."""
    found = read_stops(context, device, when, MOST_STOPS)
    return answer(request, answers.stops_answer(found), GEOJSON)
