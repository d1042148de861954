"""Places and stays: listed, and what people decide about places."""

import uuid
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.places import editing, reading
from trackflow.web.answers import places as answers
from trackflow.web.answers.sending import CSV, GEOJSON, GeoJson, answer, answer_bytes
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, DeviceIds
from trackflow.web.security.access import decider, open_to

router = guarded_router()

MOST_STAYS = 20_000

PlaceId = Annotated[uuid.UUID, Path(description="The place, as listed.")]


class PlaceBody(BaseModel):
    """A place that a person adds."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Its name.", max_length=editing.LONGEST_NAME)
    kind: str = Field(
        "other", description="home, work, customer, race_track or other.", max_length=50
    )
    longitude: float = Field(description="Degrees east.")
    latitude: float = Field(description="Degrees north.")
    radius_m: float = Field(editing.DEFAULT_RADIUS_M, description="Metres.")
    device_id: str | None = Field(
        None, description="The only device that it counts for; null for all.", max_length=200
    )


class PlacePatch(BaseModel):
    """What changes of a place; without anything the place is confirmed as it is."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, description="Its name.", max_length=editing.LONGEST_NAME)
    kind: str | None = Field(
        None, description="home, work, customer, race_track or other.", max_length=50
    )
    longitude: float | None = Field(None, description="Degrees east.")
    latitude: float | None = Field(None, description="Degrees north.")
    radius_m: float | None = Field(None, description="Metres.")


class PlaceMerge(BaseModel):
    """The place that visits are to belong to."""

    model_config = ConfigDict(extra="forbid")

    into: uuid.UUID = Field(description="The other place.")


@router.get("/api/v1/places", tags=["places"], summary="Places", responses=answers.PLACES)
@open_to(Scope.READ)
def places(
    request: Request,
    context: ContextDep,
    device: Annotated[
        str | None,
        Query(description="Those of this device and of all devices.", max_length=200),
    ] = None,
    rejected: Annotated[bool, Query(description="Also rejected and merged ones.")] = False,
) -> Response:
    """Places learned from stays, and those that people named."""
    if device is not None and "\0" in device:  # PostgreSQL's text cannot hold it
        return answer(request, answers.places_answer([]))
    found = reading.list_places(context, device, with_rejected=rejected)
    return answer(request, answers.places_answer(found))


@router.get(
    "/api/v1/places/{place_id}",
    tags=["places"],
    summary="A place and its history",
    responses=answers.PLACE,
)
@open_to(Scope.READ)
def place(request: Request, context: ContextDep, place_id: PlaceId) -> Response:
    """The place, and what people decided about it. 404 if there is none."""
    return answer(request, answers.history_answer(*reading.read_place(context, place_id)))


@router.post(
    "/api/v1/places",
    tags=["places"],
    summary="Add a place",
    status_code=201,
    response_model=None,
    responses=answers.NEW,
)
@open_to(Scope.ADMIN)
def add(context: ContextDep, caller: CallerDep, wanted: PlaceBody) -> answers.ChangedPlaceAnswer:
    """Visits follow at once. The same place again changes nothing."""
    draft = editing.PlaceDraft(**wanted.model_dump())
    row = editing.add_place(context, draft, decider(caller))
    return {"place": answers.place_answer(row)}


@router.patch(
    "/api/v1/places/{place_id}",
    tags=["places"],
    summary="Confirm or change a place",
    response_model=None,
    responses=answers.CHANGED,
)
@open_to(Scope.ADMIN)
def change(
    context: ContextDep, caller: CallerDep, place_id: PlaceId, wanted: PlacePatch
) -> answers.ChangedPlaceAnswer:
    """The place is confirmed: learning does not touch it from now on."""
    what, by = editing.PlaceChange(**wanted.model_dump()), decider(caller)
    if what == editing.PlaceChange():
        return {"place": answers.place_answer(editing.confirm_place(context, place_id, by))}
    return {"place": answers.place_answer(editing.change_place(context, place_id, what, by))}


@router.delete(
    "/api/v1/places/{place_id}",
    tags=["places"],
    summary="Reject a place",
    response_model=None,
    responses=answers.CHANGED,
)
@open_to(Scope.ADMIN)
def reject(context: ContextDep, caller: CallerDep, place_id: PlaceId) -> answers.ChangedPlaceAnswer:
    """There is no place, and none is learned at this spot again. It can be undone."""
    row = editing.reject_place(context, place_id, decider(caller))
    return {"place": answers.place_answer(row)}


@router.post(
    "/api/v1/places/{place_id}/merge",
    tags=["places"],
    summary="Merge a place into another one",
    response_model=None,
    responses=answers.CHANGED,
)
@open_to(Scope.ADMIN)
def merge(
    context: ContextDep, caller: CallerDep, place_id: PlaceId, wanted: PlaceMerge
) -> answers.ChangedPlaceAnswer:
    """Its visits belong to the other place. 400 if they cannot be merged."""
    row = editing.merge_place(context, place_id, wanted.into, decider(caller))
    return {"place": answers.place_answer(row)}


@router.post(
    "/api/v1/places/{place_id}/undo",
    tags=["places"],
    summary="Undo the newest decision about a place",
    response_model=None,
    responses=answers.CHANGED,
)
@open_to(Scope.ADMIN)
def undo(context: ContextDep, place_id: PlaceId) -> answers.ChangedPlaceAnswer:
    """The place is as it was before. 404 if there is nothing to undo."""
    row = editing.undo_place(context, place_id)
    return {"place": None if row is None else answers.place_answer(row)}


@router.get(
    "/api/v1/stays",
    tags=["places"],
    summary="Stays and visits to places",
    response_class=GeoJson,
    responses=answers.STAYS,
)
@open_to(Scope.READ)
def stays(request: Request, context: ContextDep, device: DeviceIds, when: AnyTime) -> Response:
    """GeoJSON points of stays that overlap the time, each with its place and address.

    At most 20,000: 400 for more, choose a shorter time.
    """
    found = reading.read_visits(context, device, when, MOST_STAYS)
    return answer(request, answers.stays_answer(found), GEOJSON)


@router.get(
    "/api/v1/stays.csv",
    tags=["places"],
    summary="Stays and visits to places as CSV",
    response_class=Response,
    responses=answers.STAYS_CSV,
)
@open_to(Scope.READ)
def stays_csv(request: Request, context: ContextDep, device: DeviceIds, when: AnyTime) -> Response:
    """The file of `trackflow export stays --format csv`; times are UTC.

    At most 20,000: 400 for more, choose a shorter time.
    """
    found = reading.read_visits(context, device, when, MOST_STAYS)
    return answer_bytes(request, answers.stays_csv(found), CSV)
