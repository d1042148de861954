"""Numbers of a time: kilometres, hours, trips, speeds and elevation gain."""

import datetime as dt
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from trackflow.exports.numbers.writing import MEDIA_TYPES, WRITERS, file_name
from trackflow.geo.periods import By
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.queries.numbers import NumbersQuery, Per, read_numbers
from trackflow.web.answers.describing import sends
from trackflow.web.answers.numbers import NUMBERS, numbers_answer
from trackflow.web.answers.sending import answer, answer_bytes
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.parameters import DeviceIds
from trackflow.web.security.access import open_to

router = guarded_router()


class FileFormat(StrEnum):
    """Formats of files."""

    CSV = "csv"
    XLSX = "xlsx"


def _wanted(
    device: DeviceIds,
    from_: Annotated[dt.date | None, Query(alias="from", description="First day.")] = None,
    to: Annotated[dt.date | None, Query(description="Last day; it is included.")] = None,
    by: Annotated[By, Query(description="How long the periods of the rows are.")] = By.MONTH,
    per: Annotated[
        Per | None, Query(description="What is told apart: devices, travel modes or categories.")
    ] = None,
    zone: Annotated[
        str | None,
        Query(
            description="The time zone whose days are meant, such as Europe/Helsinki; "
            "TRACKFLOW_TIME_ZONE without it.",
            max_length=100,
        ),
    ] = None,
) -> NumbersQuery:
    return NumbersQuery(from_, to, by, per, device, zone)


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
