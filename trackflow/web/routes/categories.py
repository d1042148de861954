"""What tracks were for, and what people decide about them."""

import datetime as dt
import itertools
import uuid
from typing import Annotated

from fastapi import Path, Query, Request, Response
from pydantic import Field

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.time import within_calendars
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.categories.deciding import (
    DecisionRequest,
    DecisionRow,
    decide,
    decide_track,
    list_decisions,
    undo_decision,
)
from trackflow.usecases.categories.decision_files import export_categories, import_decisions
from trackflow.usecases.categories.following import decide_between
from trackflow.usecases.categories.reading import read_category_page
from trackflow.usecases.queries.limits import check_count
from trackflow.web.answers import categories as answers
from trackflow.web.answers.sending import CSV, answer, answer_bytes
from trackflow.web.csv_tables import CsvBody
from trackflow.web.cursors import read_cursor
from trackflow.web.dependencies import CallerDep, ContextDep, guarded_router
from trackflow.web.parameters import AnyTime, Body, DeviceIds
from trackflow.web.security.access import decider, open_to

router = guarded_router()

MOST_TRACKS = 1000
MOST_DECISIONS = 20_000


class SeenOutcomeBody(Body):
    """What a person saw that a track was for; what is left out is not looked at."""

    category: str | None = Field(None, max_length=500)
    purpose: str | None = Field(None, max_length=500)
    partner: str | None = Field(None, max_length=500)

    def given(self) -> dict[str, str | None]:
        """What is not left out."""
        return self.model_dump(exclude_unset=True)


class DecisionBody(Body):
    """What a track was for, or all tracks of a device whose middle lies in a time."""

    track_id: uuid.UUID | None = Field(None, description="The track, instead of device and time.")
    device_id: str | None = Field(None, description="The device.", max_length=200)
    start_time: dt.datetime | None = Field(None, description="From when it counts.")
    end_time: dt.datetime | None = Field(None, description="Until when it counts.")
    category: str | None = Field(None, description="Null leaves it to the rules.", max_length=500)
    purpose: str | None = Field(None, description="Null leaves it to the rules.", max_length=500)
    partner: str | None = Field(None, description="Null leaves it to the rules.", max_length=500)
    made_from: SeenOutcomeBody | None = Field(
        None,
        description="With `track_id`: what was seen before, 409 if it is another by now.",
    )


@router.get(
    "/api/v1/categories",
    tags=["categories"],
    summary="What tracks were for",
    responses=answers.CATEGORIES,
)
@open_to(Scope.READ)
def categories(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    when: AnyTime,
    limit: Annotated[int, Query(description="Tracks on a page.", ge=1, le=MOST_TRACKS)] = 100,
    cursor: Annotated[
        str | None, Query(description="The `next` of the page before.", max_length=100)
    ] = None,
) -> Response:
    """Tracks that begin in the time, by start, each with what decided it."""
    position = None if cursor is None else read_cursor(cursor)
    after = None if position is None else (position.start_time, position.track_id)
    page = read_category_page(context, device, when.start, when.end, after, limit)
    return answer(request, answers.categories_answer(page))


@router.get(
    "/api/v1/categories/decisions",
    tags=["categories"],
    summary="What people decided about tracks",
    responses=answers.DECISIONS,
)
@open_to(Scope.READ)
def decisions(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    when: AnyTime,
    undone: Annotated[bool, Query(description="Also those that were undone.")] = False,
) -> Response:
    """Decisions whose time touches the range. They beat rules and survive every recompute."""
    found = list_decisions(context, device, when.start, when.end, with_undone=undone)
    check_count(len(found), MOST_DECISIONS, "decisions")
    return answer(request, {"decisions": [answers.decision_answer(row) for row in found]})


@router.post(
    "/api/v1/categories/decisions",
    tags=["categories"],
    summary="Decide what tracks were for",
    response_model=None,
    responses=answers.CHANGED,
)
@open_to(Scope.ADMIN)
def set_decision(
    context: ContextDep, caller: CallerDep, wanted: DecisionBody
) -> answers.ChangedDecisionAnswer:
    """Kept for the time of the track, or for the given time, until it is undone."""
    by = decider(caller)
    if wanted.track_id is not None:
        if wanted.device_id or wanted.start_time or wanted.end_time:
            raise BadInputError("give either `track_id`, or `device_id` and a time")
        row = decide_track(
            context,
            wanted.track_id,
            by,
            category=wanted.category,
            purpose=wanted.purpose,
            partner=wanted.partner,
            made_from=None if wanted.made_from is None else wanted.made_from.given(),
        )
    elif wanted.device_id and wanted.start_time and wanted.end_time:
        what = DecisionRequest(
            wanted.device_id,
            within_calendars(wanted.start_time),
            within_calendars(wanted.end_time),
            wanted.category,
            wanted.purpose,
            wanted.partner,
        )
        row = decide(context, what, by)
    else:
        raise BadInputError("give `track_id`, or `device_id`, `start_time` and `end_time`")
    return _changed(context, row)


@router.post(
    "/api/v1/categories/decisions/{decision_id}/undo",
    tags=["categories"],
    summary="Undo a decision",
    response_model=None,
    responses=answers.CHANGED,
)
@open_to(Scope.ADMIN)
def undo(
    context: ContextDep,
    decision_id: Annotated[uuid.UUID, Path(description="The decision, as listed.")],
) -> answers.ChangedDecisionAnswer:
    """An earlier decision, or the rules, decide again. 404 if there is no such decision."""
    return _changed(context, undo_decision(context, decision_id))


@router.get(
    "/api/v1/categories.csv",
    tags=["categories"],
    summary="What tracks were for as CSV",
    response_class=Response,
    responses=answers.CATEGORIES_CSV,
)
@open_to(Scope.READ)
def categories_csv(
    request: Request,
    context: ContextDep,
    device: DeviceIds,
    when: AnyTime,
    decisions: Annotated[bool, Query(description="Only what people decided.")] = False,
) -> Response:
    """The file of `trackflow categories export`, which the import reads.

    At most 20,000 rows: 400 for more, choose a shorter time.
    """
    lines = export_categories(context, device, when.start, when.end, only_decisions=decisions)
    found = list(itertools.islice(lines, MOST_DECISIONS + 2))
    check_count(len(found) - 1, MOST_DECISIONS, "rows")
    return answer_bytes(request, "".join(found).encode(), CSV)


@router.post(
    "/api/v1/categories/decisions/import",
    tags=["categories"],
    summary="Import decisions from CSV",
    response_model=None,
    responses=answers.IMPORTED,
)
@open_to(Scope.ADMIN)
def import_csv(
    context: ContextDep, caller: CallerDep, wanted: CsvBody
) -> answers.ImportedDecisionsAnswer:
    """Columns: start_time, end_time, device_id, category, purpose, partner.

    Rows that cannot be used are listed with their line. The same file again changes nothing.
    """
    report = import_decisions(context, wanted.data(), "the CSV", decider(caller), wanted.options())
    return answers.imported_answer(report)


def _changed(context: Context, row: DecisionRow) -> answers.ChangedDecisionAnswer:
    changed, _ = decide_between(context, row.device_id, row.start_time, row.end_time)
    return {"decision": answers.decision_answer(row), "changed": changed}
