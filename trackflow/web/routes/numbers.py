"""Numbers of a time: kilometres, hours, trips, speeds and elevation gain."""

import datetime as dt
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from trackflow.exports.numbers.month import WRITERS as MONTH_WRITERS
from trackflow.exports.numbers.month import file_name as month_name
from trackflow.exports.numbers.writing import MEDIA_TYPES, WRITERS, file_name
from trackflow.geo.periods import By
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.month_report import read_month
from trackflow.usecases.queries.numbers import NumbersQuery, Per, read_numbers
from trackflow.usecases.queries.visited import read_visited
from trackflow.web.answers.describing import sends
from trackflow.web.answers.numbers import NUMBERS, VISITED, numbers_answer, visited_answer
from trackflow.web.answers.sending import answer, answer_bytes
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import NO_NUL, DeviceIds, text
from trackflow.web.security.access import open_to

router = guarded_router()


class FileFormat(StrEnum):
    """Formats of files."""

    CSV = "csv"
    XLSX = "xlsx"


class MonthFormat(StrEnum):
    """Formats of the report of a month."""

    PDF = "pdf"
    XLSX = "xlsx"


def _where(
    device: DeviceIds,
    from_: Annotated[dt.date | None, Query(alias="from", description="First day.")] = None,
    to: Annotated[dt.date | None, Query(description="Last day; it is included.")] = None,
    zone: Annotated[
        str | None,
        Query(
            description="The time zone whose days are meant, such as Europe/Helsinki; "
            "TRACKFLOW_TIME_ZONE without it.",
            max_length=100,
        ),
    ] = None,
) -> NumbersQuery:
    return NumbersQuery(from_, to, device_ids=device, zone=zone)


Where = Annotated[NumbersQuery, Depends(_where)]


def _wanted(
    where: Where,
    by: Annotated[By, Query(description="How long the periods of the rows are.")] = By.MONTH,
    per: Annotated[
        Per | None,
        Query(description="What to tell apart: devices, their groups, travel modes, categories."),
    ] = None,
) -> NumbersQuery:
    return replace(where, by=by, per=per)


Wanted = Annotated[NumbersQuery, Depends(_wanted)]


@router.get(
    "/api/v1/numbers",
    tags=["numbers"],
    summary="Numbers by day, week, month or year",
    responses=NUMBERS,
)
@open_to(Scope.READ)
def numbers(request: Request, context: ContextDep, wanted: Wanted) -> Response:
    """Sums over tracks by period, in one stated time zone, and those of the period before.

    The kilometres are those of `/api/v1/days`: a track over midnight counts on each day with the
    part that was travelled on it. Without `from` and `to`, all time.
    """
    return answer(request, numbers_answer(read_numbers(context, wanted)))


@router.get(
    "/api/v1/numbers/file",
    tags=["numbers"],
    summary="Numbers as a file",
    response_class=Response,
    responses=sends(
        {name.partition(";")[0]: "binary" for name in MEDIA_TYPES.values()}, "The file."
    ),
)
@open_to(Scope.READ)
def numbers_file(
    request: Request,
    context: ContextDep,
    wanted: Wanted,
    format: Annotated[FileFormat, Query(description="csv or xlsx.")] = FileFormat.CSV,  # noqa: A002
) -> Response:
    """The rows of `/api/v1/numbers` as CSV; as Excel also the sums of each key and the totals."""
    found = read_numbers(context, wanted)
    sent = answer_bytes(request, WRITERS[format](found), MEDIA_TYPES[format])
    sent.headers["Content-Disposition"] = f'attachment; filename="{file_name(found, format)}"'
    return sent


@router.get(
    "/api/v1/numbers/visited",
    tags=["numbers"],
    summary="Countries and towns",
    responses=VISITED,
)
@open_to(Scope.READ)
def visited(request: Request, context: ContextDep, wanted: Where) -> Response:
    """Countries that tracks went through, and towns in which devices stayed.

    Found by borders and towns that come with trackflow: no service is asked.
    """
    return answer(request, visited_answer(read_visited(context, wanted)))


@router.get(
    "/api/v1/numbers/month",
    tags=["numbers"],
    summary="The month of a device as a file",
    response_class=Response,
    responses=sends(
        {MEDIA_TYPES[name].partition(";")[0]: "binary" for name in MonthFormat}, "The file."
    ),
)
@open_to(Scope.READ)
def month_file(
    request: Request,
    context: ContextDep,
    device: Annotated[str, Query(description="The device.", max_length=200, pattern=NO_NUL)],
    month: Annotated[str, Query(description="Such as 2026-11.", max_length=7)],
    format: Annotated[MonthFormat, Query(description="pdf or xlsx.")] = MonthFormat.PDF,  # noqa: A002
) -> Response:
    """A report to print: totals, modes, days, trips, countries and towns. 404 for no device."""
    found = read_month(context, str(text(device)), month)
    sent = answer_bytes(request, MONTH_WRITERS[format](found), MEDIA_TYPES[format])
    name = month_name(found, format)
    sent.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return sent
