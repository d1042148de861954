"""What many routes share: the time, the devices, and the checks of texts and bodies."""

import datetime as dt
import re
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.time import EARLIEST, LATEST, within_calendars
from trackflow.usecases.queries.lines import TimeRange

NO_NUL = "^[^\\x00]*$"
"""PostgreSQL's text cannot hold a NUL."""

MOST_DEVICES = 1000
MOST_HOURS = 24 * 366 * 10

FROM = Query(
    alias="from",
    description="Only what happens after this (ISO 8601; UTC if no offset); a day such as "
    "2026-11-28 is meant from its beginning (UTC).",
)
TO = Query(
    description="Only what happens before this (ISO 8601; UTC if no offset); a day such as "
    "2026-11-28 is included (UTC)."
)
HOURS = Query(
    description="Instead of `from`: so many hours back from `to`, or from now.",
    gt=0,
    le=MOST_HOURS,
    allow_inf_nan=False,
)


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _end_of_day(value: Any) -> Any:
    """A day alone means its end: `from` and `to` of one day are that day, as everywhere."""
    if not (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    try:
        day = dt.date.fromisoformat(value)
    except ValueError:
        return value  # the check of times says what is wrong
    if day == dt.date.max:
        return value
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)


EndTime = Annotated[dt.datetime, BeforeValidator(_end_of_day)]
"""A time at which something ends; a day alone is included."""


def _any_time(
    request: Request,
    from_: Annotated[dt.datetime | None, FROM] = None,
    to: Annotated[EndTime | None, TO] = None,
    hours: Annotated[float | None, HOURS] = None,
) -> TimeRange:
    """The requested range; without any parameter, all time."""
    if hours is not None:
        if from_ is not None:
            raise BadInputError("give either `from` or `hours`, not both")
        end = _end_of_minute(request) if to is None else within_calendars(to)
        return TimeRange(max(end - dt.timedelta(hours=hours), EARLIEST), end)
    start = EARLIEST if from_ is None else within_calendars(from_)
    end = LATEST if to is None else within_calendars(to)
    # a day lasts until the next one begins: from then on is later than that day
    is_day = _DAY.fullmatch(request.query_params.get("to", "")) is not None
    if start > end or (start == end and is_day):
        raise BadInputError("`from` must not be later than `to`")
    return TimeRange(start, end)


def _recent_time(
    request: Request,
    from_: Annotated[dt.datetime | None, FROM] = None,
    to: Annotated[EndTime | None, TO] = None,
    hours: Annotated[float | None, HOURS] = None,
) -> TimeRange:
    """The requested range; without any parameter, the last 24 hours."""
    if from_ is None and hours is None:
        hours = 24.0
    elif to is None and from_ is not None and within_calendars(from_) < _end_of_minute(request):
        to = _end_of_minute(request)
    return _any_time(request, from_, to, hours)


def moment(time: dt.datetime | None) -> dt.datetime | None:
    """A time that calendars have, UTC; None stays None.

    Raises:
        BadInputError: it lies outside of all calendars.
    """
    return None if time is None else within_calendars(time)


def _end_of_minute(request: Request) -> dt.datetime:
    """The end of the request's minute: for so long, "now" gives the same answer and ETag."""
    context: Context = request.app.state.context
    return context.clock().replace(second=0, microsecond=0) + dt.timedelta(minutes=1)


def _devices(
    device: Annotated[
        list[str],
        Query(
            description="Only this device; may be given several times. All devices without it.",
            max_length=MOST_DEVICES,
        ),
    ] = [],  # noqa: B006  FastAPI copies defaults
) -> tuple[str, ...] | None:
    """The requested devices, None for all."""
    # PostgreSQL's text cannot hold a NUL, so no device has such an id
    return tuple(dict.fromkeys(d for d in device if "\0" not in d)) if device else None


AnyTime = Annotated[TimeRange, Depends(_any_time)]
RecentTime = Annotated[TimeRange, Depends(_recent_time)]
DeviceIds = Annotated[tuple[str, ...] | None, Depends(_devices)]


class Body(BaseModel):
    """What a request says; unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


def text(value: str | None) -> str | None:
    """Text that a database can hold.

    Raises:
        BadInputError: PostgreSQL cannot hold it.
    """
    if value is not None and "\0" in value:
        raise BadInputError("text cannot hold the character NUL")
    return value
