"""Answers as JSON with an ETag, and the parameters that many routes share.

A client that polls sends the ETag of what it has (`If-None-Match`); if nothing has changed the
answer is an empty 304. The ETag is a hash of the answer itself, so it can never be out of step.
"""

import datetime as dt
import hashlib
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.usecases.queries.lines import TimeRange

JSON = "application/json"
GEOJSON = "application/geo+json"

REVALIDATE = "private, no-cache"
"""A client that keeps an answer has to check each time whether it is still valid."""

MOST_DEVICES = 1000
MOST_HOURS = 24 * 366 * 10

EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
"""Times beyond these mean "without limit": databases and calendars end somewhere."""

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_SERIALIZE_NUMPY
"""Times without a zone come from numpy; all of ours are UTC."""


class GeoJson(JSONResponse):
    """The media type of GeoJSON, for the description of routes."""

    media_type = GEOJSON


def answer(request: Request, content: Any, media_type: str = JSON) -> Response:
    """Content as JSON, or 304 if the client has it already."""
    return answer_bytes(request, orjson.dumps(content, option=OPTIONS), media_type)


def answer_bytes(
    request: Request, body: bytes, media_type: str, cache_control: str = REVALIDATE
) -> Response:
    """A body, or 304 if the client has it already.

    Args:
        request: the request, with the client's ETag if it has one.
        body: the answer.
        media_type: its content type.
        cache_control: value of the header `Cache-Control`.
    """
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": cache_control}
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _has(if_none_match: str, etag: str) -> bool:
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in known or known == ["*"]


FROM = Query(alias="from", description="Only what happens after this (ISO 8601; UTC if no offset).")
TO = Query(description="Only what happens before this (ISO 8601; UTC if no offset).")
HOURS = Query(
    description="Instead of `from`: so many hours back from `to`, or from now.",
    gt=0,
    le=MOST_HOURS,
    allow_inf_nan=False,
)


def _any_time(
    request: Request,
    from_: Annotated[dt.datetime | None, FROM] = None,
    to: Annotated[dt.datetime | None, TO] = None,
    hours: Annotated[float | None, HOURS] = None,
) -> TimeRange:
    """The requested range; without any parameter, all time."""
    if hours is not None:
        if from_ is not None:
            raise BadInputError("give either `from` or `hours`, not both")
        end = _end_of_minute(request) if to is None else _utc(to)
        return TimeRange(max(end - dt.timedelta(hours=hours), EARLIEST), end)
    start = EARLIEST if from_ is None else _utc(from_)
    end = LATEST if to is None else _utc(to)
    if start > end:
        raise BadInputError("`from` must not be later than `to`")
    return TimeRange(start, end)


def _recent_time(
    request: Request,
    from_: Annotated[dt.datetime | None, FROM] = None,
    to: Annotated[dt.datetime | None, TO] = None,
    hours: Annotated[float | None, HOURS] = None,
) -> TimeRange:
    """The requested range; without any parameter, the last 24 hours."""
    if from_ is None and hours is None:
        hours = 24.0
    elif to is None and from_ is not None and _utc(from_) < _end_of_minute(request):
        to = _end_of_minute(request)
    return _any_time(request, from_, to, hours)


def _end_of_minute(request: Request) -> dt.datetime:
    """The end of the request's minute: for so long, "now" gives the same answer and ETag."""
    context: Context = request.app.state.context
    return context.clock().replace(second=0, microsecond=0) + dt.timedelta(minutes=1)


def _utc(time: dt.datetime) -> dt.datetime:
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt.UTC)
    # compared before it is converted: a time beyond the calendar's end cannot be
    return EARLIEST if time <= EARLIEST else LATEST if time >= LATEST else time.astimezone(dt.UTC)


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
