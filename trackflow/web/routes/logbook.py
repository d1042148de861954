"""The logbook: entries, amendments, joins, reports of months.

A caller with a token is no driver: of private trips it sees the kilometres only.
"""

import datetime as dt
import uuid
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field

from trackflow.exports.mileage.lengths import unit_named
from trackflow.exports.mileage.writing import MEDIA_TYPES, file_name, report_bytes
from trackflow.geo.periods import month_named
from trackflow.geo.time import within_calendars
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.mileage import books
from trackflow.usecases.mileage import joins as joining
from trackflow.usecases.mileage.left_out import left_out, range_wanted
from trackflow.usecases.mileage.reports import report_of
from trackflow.web.answers import logbook as answers
from trackflow.web.answers.describing import sends
from trackflow.web.answers.sending import answer, answer_bytes, answer_of_version
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import Body, text
from trackflow.web.security.access import decider, open_to

router = guarded_router()

LONGEST = 500

EntryId = Annotated[uuid.UUID, Path(description="The entry, as listed.")]

OneVehicle = Annotated[str | None, Query(description="Of this vehicle only.", max_length=200)]
OneMonth = Annotated[str | None, Query(description="Such as 2026-11.", max_length=7)]
Format = Annotated[str, Query(description=f"{', '.join(MEDIA_TYPES)}.", max_length=20)]
Text = Annotated[str | None, Field(max_length=LONGEST)]


class SeenBody(Body):
    """What a person saw of a trip before changing it; what is left out is not looked at."""

    category: Text = None
    purpose: Text = None
    partner: Text = None
    driver: Text = None
    start_place: Text = None
    end_place: Text = None

    def given(self) -> dict[str, str | None]:
        """What is not left out."""
        return self.model_dump(exclude_unset=True)


class AmendBody(SeenBody):
    """New values of a closed entry; a value that is left out stays, null empties it."""

    reason: str = Field(description="Why.", max_length=LONGEST)
    made_from: SeenBody | None = Field(
        None, description="What was seen before: 409 if it is another by now."
    )


class JoinBody(Body):
    """A time whose tracks are one trip."""

    device_id: str = Field(description="The device.", max_length=200)
    start: dt.datetime = Field(description="ISO 8601; UTC if no offset.")
    end: dt.datetime = Field(description="ISO 8601; UTC if no offset.")


@router.get(
    "/api/v1/logbook", tags=["logbook"], summary="Entries of logbooks", responses=answers.ENTRIES
)
@open_to(Scope.READ)
def entries(
    request: Request,
    context: ContextDep,
    vehicle: OneVehicle = None,
    month: OneMonth = None,
    needs_purpose: Annotated[
        bool,
        Query(description="Whose purpose is still to be given: open ones, and those added later."),
    ] = False,
    limit: Annotated[
        int | None, Query(description="The first ones only.", ge=1, le=books.MOST_ENTRIES)
    ] = None,
) -> Response:
    """Trips of vehicles with their amendments; also those that a closed book lacked.

    A client that has them asks with their ETag: while no book has changed, that costs next to
    nothing. More than 20,000 need a `limit`, a vehicle or a month.
    """
    chosen = text(vehicle)
    if month is not None:
        month_named(month)  # before the version: what does not exist has none

    def make() -> answers.EntriesAnswer:
        found = books.entry_page(
            context,
            vehicle_id=chosen,
            month=month,
            only_needing_purpose=needs_purpose,
            limit=limit,
        )
        return answers.entries_answer(found)

    # read first: what changes meanwhile is in the answer, and makes the next one another
    version = "\n".join(books.book_versions(context, chosen).values())
    return answer_of_version(request, version, make)


@router.get(
    "/api/v1/logbook/verify",
    tags=["logbook"],
    summary="Check the books",
    responses=answers.CHECKS,
)
@open_to(Scope.READ)
def verify(request: Request, context: ContextDep, vehicle: OneVehicle = None) -> Response:
    """Whether a closed entry was changed, left out or put in."""
    return answer(request, answers.checks_answer(books.verify_books(context, text(vehicle))))


@router.get(
    "/api/v1/logbook/versions",
    tags=["logbook"],
    summary="Whether books have changed",
    responses=answers.VERSIONS,
)
@open_to(Scope.READ)
def versions(request: Request, context: ContextDep, vehicle: OneVehicle = None) -> Response:
    """A short text for each book that changes whenever the book does: poll this, not the book."""
    return answer(request, answers.versions_answer(books.book_versions(context, text(vehicle))))


@router.get(
    "/api/v1/logbook/left-out",
    tags=["logbook"],
    summary="Tracks that are not in the books",
    responses=answers.LEFT_OUT,
)
@open_to(Scope.READ)
def not_in_books(
    request: Request,
    context: ContextDep,
    vehicle: OneVehicle = None,
    month: OneMonth = None,
    from_: Annotated[
        dt.date | None, Query(alias="from", description="First day, of the book's time zone.")
    ] = None,
    to: Annotated[dt.date | None, Query(description="Last day; it is included.")] = None,
) -> Response:
    """Tracks of vehicles' devices that no entry has, each with why.

    The entries of a book and these are together all tracks that began while their devices were
    assigned to the vehicle. More than 20,000 need a vehicle, a month or days.
    """
    days = range_wanted(month, from_, to)
    found = left_out(context, days, vehicle_id=text(vehicle), limit=books.MOST_ENTRIES)
    return answer(request, answers.left_out_answer(found))


@router.get(
    "/api/v1/logbook/joins", tags=["logbook"], summary="Joined times", responses=answers.JOINS
)
@open_to(Scope.READ)
def joins(
    request: Request,
    context: ContextDep,
    device: Annotated[str | None, Query(description="Of this device only.", max_length=200)] = None,
) -> Response:
    """Times in which all tracks of a device are one trip, until they are undone."""
    return answer(request, answers.joins_answer(joining.list_joins(context, text(device))))


@router.get(
    "/api/v1/logbook/{entry_id}",
    tags=["logbook"],
    summary="An entry with its amendments",
    responses=answers.ENTRY,
)
@open_to(Scope.READ)
def entry(request: Request, context: ContextDep, entry_id: EntryId) -> Response:
    """The entry as it stands in the book, and as it is with all amendments. 404 for none."""
    return answer(request, answers.entry_answer(books.read_entry(context, entry_id)))


@router.post(
    "/api/v1/logbook/{entry_id}/amend",
    tags=["logbook"],
    summary="Amend a closed entry",
    response_model=None,
    responses=answers.ENTRY,
)
@open_to(Scope.ADMIN)
def amend(
    context: ContextDep, caller: CallerDep, entry_id: EntryId, wanted: AmendBody
) -> answers.EntryAnswer:
    """What the book says stays; the amendment stands beside it, and the amount follows.

    Also for a trip that a closed book lacked. 400 for an open entry.
    """
    values = wanted.model_dump(exclude_unset=True, exclude={"reason", "made_from"})
    for value in (wanted.reason, *values.values()):
        text(value)
    found = books.amend_entry(
        context,
        entry_id,
        values,
        reason=wanted.reason,
        amended_by=decider(caller),
        made_from=None if wanted.made_from is None else wanted.made_from.given(),
    )
    return answers.entry_answer(found)


@router.post(
    "/api/v1/logbook/join",
    tags=["logbook"],
    summary="Count all tracks of a time as one trip",
    status_code=201,
    response_model=None,
    responses=answers.JOIN,
)
@open_to(Scope.ADMIN)
def join(context: ContextDep, caller: CallerDep, wanted: JoinBody) -> answers.JoinAnswer:
    """Such as a business day with several stops. The book follows at once."""
    start, end = within_calendars(wanted.start), within_calendars(wanted.end)
    join_id = joining.join_trips(context, wanted.device_id, start, end, decided_by=decider(caller))
    follow_tracks(context, device_id=wanted.device_id)
    return {"join_id": join_id}


@router.post(
    "/api/v1/logbook/joins/{join_id}/undo",
    tags=["logbook"],
    summary="Count joined tracks one by one again",
    response_model=None,
    responses=answers.DONE,
)
@open_to(Scope.ADMIN)
def undo_join(
    context: ContextDep, join_id: Annotated[uuid.UUID, Path(description="As answered.")]
) -> answers.DoneAnswer:
    """404 if there is no such join that counts."""
    joining.undo_join(context, join_id)
    follow_tracks(context)
    return {"done": True}


@router.get(
    "/api/v1/mileage-report",
    tags=["logbook"],
    summary="The month of a vehicle as a file",
    response_class=Response,
    responses=sends(
        {media_type.partition(";")[0]: "binary" for media_type in MEDIA_TYPES.values()},
        "The file.",
    ),
)
@open_to(Scope.READ)
def mileage_report(
    request: Request,
    context: ContextDep,
    month: Annotated[str, Query(description="Such as 2026-11.", max_length=7)],
    vehicle: Annotated[str, Query(description="The vehicle.", max_length=200)],
    format: Format = "csv",  # noqa: A002 (the name in the address)
    unit: Annotated[
        str, Query(description="Of lengths: km or mi; CSV files have kilometres.", max_length=5)
    ] = "km",
) -> Response:
    """Trips, sums, odometer, amendments, the last hash, what is left out; 404 if there is none."""
    report = report_of(context, month, str(text(vehicle)))
    body = report_bytes(report, format, unit_named(unit))
    found = answer_bytes(request, body, MEDIA_TYPES[format])
    name = file_name(report, format).encode("ascii", "replace").decode().replace("?", "_")
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return found
