"""Where devices deliver: one address per client, each with the answer that its client expects.

A client that is answered with an error sends the same again, some of them for ever. So whatever
can be received is answered as a success, and what is no position is set aside in
`quarantined_points` with its reason. Errors are only for what a repetition can mend: the database
is away (503), or the body is too large (413).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import orjson
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from trackflow.api.access import Caller, open_to
from trackflow.api.dependencies import plain_router
from trackflow.api.limits import MAX_BODY_BYTES
from trackflow.api.reception import Reception
from trackflow.errors import AccessError
from trackflow.pipeline.receiving import Received
from trackflow.pipeline.work import Work
from trackflow.sources.phones import geojson_batch, overland, owntracks, traccar
from trackflow.sources.phones.bodies import TooMuchError, check_size, unzipped
from trackflow.sources.phones.fixes import Delivery
from trackflow.sources.phones.parts import PART_ELEMENTS
from trackflow.store.reports import Report
from trackflow.store.tokens import Scope
from trackflow.store.types import to_us

router = plain_router()

MAX_THREADS = 2
"""That read large bodies: more would only take the processor from each other, and memory."""

MANY_DEVICES = 100
"""A report of more, or with something refused, takes several times as long to store."""

READ_AT_ONCE_BYTES = 4_096
"""A body of no more is read within less time than a thread would take to begin."""

_threads: RunVar[CapacityLimiter] = RunVar("delivery_threads")

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request broke off."},
    408: {"description": "The body took too long to arrive; send it again."},
    413: {"description": "Too large, or too many positions at a time: send them in parts."},
    415: {"description": "The body is compressed in another way than gzip."},
    503: {"description": "The database is away: send it again. Nothing is stored twice."},
}


def _takes(
    description: str, example: object, *more_types: str, parameters: Sequence[Any] = ()
) -> dict[str, Any]:
    """A body for the API's description, which is read as it comes whatever its type.

    Endpoints take their parameters from the request by themselves: FastAPI would take longer to
    find and check them than it takes to store a report.
    """
    content: dict[str, Any] = {"application/json": {"schema": {}, "example": example}}
    content |= {kind: {"schema": {"type": "string"}} for kind in more_types}
    return {
        "requestBody": {"description": description, "content": content},
        "parameters": list(parameters),
    }


def _parameter(name: str, description: str, where: str = "query") -> dict[str, Any]:
    """A text parameter for the API's description."""
    schema = {"type": "string", "default": ""}
    return {"name": name, "in": where, "description": description, "schema": schema}


def _answers(description: str, example: object) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {}, "example": example}}
    return ERRORS | {200: {"description": description, "content": content}}


async def _received_body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(400, "the request broke off") from None


DEVICE = _parameter("device", "Device of the positions that name none, such as `bus-7`.")


@router.post(
    "/ingest/owntracks",
    tags=["delivery"],
    summary="Positions from OwnTracks (HTTP mode)",
    responses=_answers("Stored; there are no messages for the app.", []),
    openapi_extra=_takes(
        "One OwnTracks message, or a list of them.",
        {"_type": "location", "lat": 60.17, "lon": 24.94, "tst": 1_790_000_000, "acc": 8},
        parameters=(
            _parameter("u", "User; with `d` the device is `u/d`."),
            _parameter("d", "Name of the user's device."),
            _parameter("X-Limit-U", "As `u`; sent by the apps.", "header"),
            _parameter("X-Limit-D", "As `d`; sent by the apps.", "header"),
        ),
    ),
)
@open_to(Scope.INGEST)
async def from_owntracks(request: Request) -> Response:
    """Set the app to HTTP mode with this address, and a token as its password.

    The device is the token's, else `u/d`, else the headers', else the topic's `user/device`, else
    the tracker id. Messages that are not positions are ignored; encrypted ones are set aside, as
    nothing here can read them.
    """
    query, headers, device_id = request.query_params, request.headers, _device_of(request)
    named = owntracks.device_named(query.get("u"), query.get("d")) or owntracks.device_named(
        headers.get("x-limit-u"), headers.get("x-limit-d")
    )

    def read(plain: bytes, now_us: int) -> Delivery:
        return owntracks.read(plain, device_id=device_id, named_device=named, now_us=now_us)

    await _take(request, owntracks, read)
    return _json([])


@router.post(
    "/ingest/overland",
    tags=["delivery"],
    summary="Positions from Overland",
    responses=_answers("Stored; the app deletes the batch.", {"result": "ok"}),
    openapi_extra=_takes("A batch as the app sends it.", {"locations": []}, parameters=[DEVICE]),
)
@open_to(Scope.INGEST)
async def from_overland(request: Request) -> Response:
    """Set the app's receiver to this address, with a token as its access token.

    The device is the token's, else each position's `device_id`, else `device`.
    """
    device_id, device = _device_of(request), request.query_params.get("device", "")

    def read(plain: bytes, now_us: int) -> Delivery:
        return overland.read(plain, device_id=device_id, fallback_device=device, now_us=now_us)

    await _take(request, overland, read)
    return _json({"result": "ok"})


@router.get(
    "/ingest/traccar",
    tags=["delivery"],
    summary="A position in the OsmAnd form",
    response_class=Response,
    responses=ERRORS | {200: {"description": "Stored; nothing follows."}},
)
@router.post(
    "/ingest/traccar",
    tags=["delivery"],
    summary="Positions from Traccar's client or server, or in the OsmAnd form",
    response_class=Response,
    responses=ERRORS | {200: {"description": "Stored; nothing follows."}},
    openapi_extra=_takes(
        "JSON of Traccar Client, JSON that a Traccar server forwards, a form, or nothing.",
        {
            "location": {
                "timestamp": "2026-09-21T14:13:20Z",
                "coords": {"latitude": 60.17, "longitude": 24.94, "accuracy": 8, "speed": 7.5},
            },
            "device_id": "bus-7",
        },
        "application/x-www-form-urlencoded",
    ),
)
@open_to(Scope.INGEST)
async def from_traccar(request: Request) -> Response:
    """For Traccar Client, OsmAnd and a Traccar server's `forward.url` (`forward.type` json).

    In the OsmAnd form the position is in the address or in a form: `id` (or `deviceid`), `lat` and
    `lon` (or `location=lat,lon`), `timestamp` (seconds or milliseconds since 1970, or ISO 8601),
    `speed` in knots, `bearing` (or `heading`), `altitude`, `accuracy` in metres, `hdop`, `valid`.
    The device is the token's, else the position's. A position without a time is refused: a repeated
    delivery would be another point.
    """
    # a link on some website could lead a browser here, and a browser that follows it may get in
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise AccessError("positions do not come from another site's page")
    query, device_id = dict(request.query_params), _device_of(request)
    is_json = "json" in request.headers.get("content-type", "").lower()

    def read(plain: bytes, now_us: int) -> Delivery:
        return traccar.read(plain, query, device_id=device_id, is_json=is_json, now_us=now_us)

    await _take(request, traccar, read)
    return Response()


@router.post(
    "/ingest/geojson",
    tags=["delivery"],
    summary="Positions as GeoJSON",
    responses=_answers(
        "Stored; the three counts add up to what was sent.",
        {"accepted": 2, "repeated": 0, "refused": 1, "reasons": {"no_time": 1}},
    ),
    openapi_extra=_takes(
        "A FeatureCollection, a Feature, a list of features or of flat records, or one per line.",
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.94, 60.17]},
            "properties": {"device_id": "bus-7", "recorded_at": "2026-09-21T14:13:20Z"},
        },
        "application/geo+json",
    ),
)
@open_to(Scope.INGEST)
async def from_geojson(request: Request) -> Response:
    """For your own scripts. Properties are found by their usual names, as in files.

    The device is the token's, else each feature's `device_id`, else `device`. A repeated delivery
    adds nothing, so a script may send again whatever it is not sure of.
    """
    device_id, device = _device_of(request), request.query_params.get("device", "")

    def read(plain: bytes, now_us: int) -> Delivery:
        return geojson_batch.read(plain, device_id=device_id, fallback_device=device, now_us=now_us)

    received = await _take(request, geojson_batch, read)
    return _json(
        {
            "accepted": received.accepted,
            "repeated": received.repeated,
            "refused": received.refused,
            "reasons": received.reasons,
        }
    )


def _device_of(request: Request) -> str | None:
    """The device of the caller's token, which goes before whatever the request says."""
    caller: Caller = request.state.caller
    return caller.device_id


class Client(Protocol):
    """A module that reads the bodies of one client."""

    SOURCE: str

    def parts(self, body: bytes) -> Iterator[bytes]:
        """A large body in several that say the same."""


type Read = Callable[[bytes, int], Delivery]
"""Gives what a body, or a part of it, brings; with the time in UTC microseconds."""


async def _take(request: Request, client: Client, read: Read) -> Received:
    """Unpack, read and store a body; a large one part by part, as others are to have their turn.

    Raises:
        StoreUnavailableError: the database is away. Earlier parts may be stored: what is sent
            again is not stored twice.
    """
    work: Work = request.app.state.work
    reception: Reception = request.app.state.reception
    body, now_us = await _received_body(request), to_us(work.clock())
    try:
        if len(body) <= READ_AT_ONCE_BYTES and "content-encoding" not in request.headers:
            delivery = read(body, now_us)
            return await reception.store(Report(delivery.points, delivery.refused, client.SOURCE))
        reports = _reports(request, body, client, lambda part: read(part, now_us))
        total = Received()
        while (report := await _in_thread(lambda: next(reports, None))) is not None:
            total += await reception.store(report)
        return total
    except TooMuchError as error:
        raise HTTPException(413, str(error)) from None


def _reports(
    request: Request, body: bytes, client: Client, read: Callable[[bytes], Delivery]
) -> Iterator[Report]:
    """What a large body brings, in reports that are quickly stored."""
    plain = _plain(request, body)
    is_json = plain.lstrip()[:1] in (b"[", b"{")
    if is_json:
        check_size(plain)
    for part in client.parts(plain) if is_json else (plain,):
        delivery = read(part)
        size = max(len(delivery.points), len(delivery.refused))
        is_plain = not delivery.refused and len(delivery.points.devices) < MANY_DEVICES
        step = PART_ELEMENTS if is_plain else PART_ELEMENTS // 4
        for start in range(0, size, step):
            stop = start + step
            yield Report(
                delivery.points.part(start, stop), delivery.refused[start:stop], client.SOURCE
            )


async def _in_thread[T](function: Callable[[], T]) -> T:
    """In one of a few threads kept for large bodies, so that small ones are read meanwhile."""
    return await to_thread.run_sync(function, limiter=_limiter())


def _limiter() -> CapacityLimiter:
    """The limit of this event loop."""
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(MAX_THREADS)
        _threads.set(limiter)
        return limiter


def _plain(request: Request, body: bytes) -> bytes:
    """The body unpacked; a damaged gzip as it is, which then is set aside as unreadable."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise HTTPException(415, "a body may be compressed with gzip only")
    unpacked = unzipped(body, MAX_BODY_BYTES)
    return body if unpacked is None else unpacked


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
