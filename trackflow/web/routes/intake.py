"""Routes for deliveries: one address per client, each with the answer that its client expects.

A client that gets an error sends the same body again, some clients for ever. So every body that is
received is answered as a success, and input that is no position is kept whole in
`quarantined_points` with its reason. Errors are only for bodies that are not kept: the database is
away (503), the body is too large (413), the quarantine is full (507).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Request, Response
from starlette.exceptions import HTTPException

from trackflow.context import Context
from trackflow.errors import AccessError
from trackflow.sources.admission import fit_device
from trackflow.sources.devices import flat, geojson_batch, overland, owntracks, reading
from trackflow.sources.devices.bodies import TooMuchError
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow.sources.devices.parts import PART_ELEMENTS
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.intake.receiving import ReceptionCounts, Report
from trackflow.web.dependencies import plain_router
from trackflow.web.reception import ReportQueue
from trackflow.web.security.access import Caller, open_to

router = plain_router()

PACKINGS = ("", "identity", "gzip", "x-gzip")

POST_ONLY = (owntracks.SOURCE, overland.SOURCE, geojson_batch.SOURCE)
"""Protocols whose positions do not fit into an address."""


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


NOTHING, NO_MESSAGES, RESULT_OK = Response(), _json([]), _json({"result": "ok"})
ANSWERS = {
    flat.HOME_ASSISTANT: _json({}),
    flat.PHONETRACK: _json({"done": 1, "friends": []}),
}
"""Answers that senders of flat records expect; for all others an empty answer is a success."""

MAX_THREADS = 2
"""Threads that read large bodies: more would only compete for processors and memory."""

MANY_DEVICES = 100
"""A report of more devices, or with refused input, takes several times as long to store."""

READ_AT_ONCE_BYTES = 4_096
"""A body up to this size is parsed faster than a thread would start."""

_threads: RunVar[CapacityLimiter] = RunVar("delivery_threads")

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request broke off."},
    408: {"description": "The body took too long to arrive; send it again."},
    413: {"description": "Too large, or too many positions at a time: send them in parts."},
    415: {"description": "The body is compressed in another way than gzip."},
    503: {"description": "The database is away: send it again. Nothing is stored twice."},
    507: {"description": "There is no room to keep what cannot be read: it is not stored."},
}


def _takes(
    description: str, example: object, *more_types: str, parameters: Sequence[Any] = ()
) -> dict[str, Any]:
    """A body for the API's description, which is read as it is, of any content type.

    Endpoints take their parameters from the request by themselves: FastAPI would take longer to
    check them than storing a report takes.
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
    """Read the body piece by piece: Starlette's own method takes longer than parsing a report."""
    pieces = []
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise HTTPException(400, "the request broke off")
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


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
    the tracker id, else the token's name, else `owntracks`. Messages that are not positions are
    ignored; encrypted ones need their key in TRACKFLOW_OWNTRACKS_KEYS, and are kept without it.
    """
    query, headers = _query(request), request.headers
    named = owntracks.device_named(query.get("u"), query.get("d")) or owntracks.device_named(
        headers.get("x-limit-u"), headers.get("x-limit-d")
    )
    await _take(request, owntracks.SOURCE, named=named)
    return NO_MESSAGES


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

    The device is the token's, else each position's `device_id`, else `device`, else the token's
    name, else `overland`.
    """
    await _take(request, overland.SOURCE)
    return RESULT_OK


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

    The device is the token's, else each feature's `device_id`, else `device`, else the token's
    name, else `geojson`. A repeated delivery adds nothing, so a script may repeat a delivery when
    it is not sure.
    """
    received, _, _ = await _take(request, geojson_batch.SOURCE)
    return _json(
        {
            "accepted": received.accepted,
            "repeated": received.repeated,
            "refused": received.refused,
            "reasons": received.reasons,
        }
    )


DOOR = {
    "name": "door",
    "in": "path",
    "required": True,
    "description": "Who sends; `traccar` finds it out by itself.",
    "schema": {"type": "string", "enum": list(flat.SENDERS)},
}


@router.get(
    "/ingest/{door}",
    tags=["delivery"],
    summary="A position as parameters of the address",
    response_class=Response,
    responses=ERRORS | {200: {"description": "Stored; nothing follows."}},
    openapi_extra={"parameters": [DOOR]},
)
@router.post(
    "/ingest/{door}",
    tags=["delivery"],
    summary="Positions as parameters, as a form, or as JSON",
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
        parameters=[DOOR],
    ),
)
@open_to(Scope.INGEST)
async def from_flat(request: Request) -> Response:
    """Receives from Traccar Client, OsmAnd, GPSLogger, PhoneTrack, Colota, Home Assistant, OpenGTS.

    It also receives a Traccar server's `forward.url` (`forward.type` json or url).

    The position is in the address, in a form, or in JSON: `id` (or `deviceid`), `lat` and `lon` (or
    `location=lat,lon`), `timestamp` (seconds or milliseconds since 1970, or ISO 8601), `speed`,
    `bearing` (or `heading`), `altitude`, `accuracy` in metres, `hdop`, `valid`, or the usual other
    names. `speed` is in the sender's unit (knots from Traccar, metres per second from phones);
    `speed_unit` names another: `kmh`, `kn`, `mph`, `ms`.

    The device is the token's, else the position's, else the token's name, else the sender's. A
    position without a time is refused, except in forms that have no time: they get the time of
    their arrival.
    """
    protocol: str = request.path_params["door"]
    if protocol in POST_ONLY:
        raise HTTPException(405, f"positions from {protocol} come by POST", {"Allow": "POST"})
    if protocol not in flat.SENDERS:
        raise HTTPException(404, f"there is no sender {protocol[:40]}; see docs/senders.md")
    # a link on a website could lead a browser here, which may have access by no-token mode
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise AccessError("positions do not come from another site's page")
    _, sender, body = await _take(request, protocol)
    of_webhook = sender == flat.HOME_ASSISTANT and body.lstrip()[:1] == b"{"
    return ANSWERS.get(flat.HOME_ASSISTANT if of_webhook else protocol, NOTHING)


async def _take(
    request: Request, protocol: str, *, named: str = ""
) -> tuple[ReceptionCounts, str, bytes]:
    """Read and store a body, a large one part by part.

    Args:
        request: the request.
        protocol: the last part of the address, such as `overland`.
        named: the device that the request names outside its body.

    Returns:
        The counts of its admission, its sender, and the body.

    Raises:
        StoreUnavailableError: the database is away. Earlier parts may be stored: a repeated
            delivery is not stored twice.
    """
    context: Context = request.app.state.context
    reception: ReportQueue = request.app.state.reception
    body, now_us = await _received_body(request), context.now_us
    packing = request.headers.get("content-encoding", "").strip().lower()
    if packing not in PACKINGS:
        raise HTTPException(415, "a body may be compressed with gzip only")
    envelope, keys = _envelope(request, protocol, named), context.settings.owntracks_keys
    try:
        if len(body) <= READ_AT_ONCE_BYTES and not packing:
            delivery = reading.read(body, envelope, now_us=now_us, keys=keys)
            report = Report(delivery.points, delivery.refused, delivery.sender)
            return await reception.store(report), delivery.sender, body
        deliveries = reading.read_in_parts(body, envelope, now_us=now_us, keys=keys)
        total, sender = ReceptionCounts(), protocol

        def following() -> BodyContent | None:
            return next(deliveries, None)

        while (part := await _in_thread(following)) is not None:
            sender = part.sender
            for report in _reports(part):
                total += await reception.store(report)
        return total, sender, body
    except TooMuchError as error:
        raise HTTPException(413, str(error)) from None


def _query(request: Request) -> Mapping[str, str]:
    """The query parameters; most reports have none, and their parsing is skipped."""
    return request.query_params if request.scope["query_string"] else {}


def _envelope(request: Request, protocol: str, named: str) -> Envelope:
    """The parts of a request, besides its body, that decide how it is read."""
    caller: Caller = request.state.caller
    query = _query(request)
    device = "" if protocol in flat.SENDERS else query.get("device", "").strip()
    name = caller.name.strip()
    return Envelope(
        protocol,
        device_id=caller.device_id,
        named_device=named,
        fallback_device=device or (name if fit_device(name) else ""),
        query={name: value for name, value in query.items() if name != "token"},
        is_json="json" in request.headers.get("content-type", "").lower(),
    )


def _reports(delivery: BodyContent) -> Iterator[Report]:
    """Split a delivery into reports that are quickly stored."""
    size = max(len(delivery.points), len(delivery.refused))
    is_plain = not delivery.refused and len(delivery.points.devices) < MANY_DEVICES
    step = PART_ELEMENTS if is_plain else PART_ELEMENTS // 4
    for start in range(0, size, step):
        stop = start + step
        points, refused = delivery.points.part(start, stop), delivery.refused[start:stop]
        yield Report(points, refused, delivery.sender)


async def _in_thread[T](function: Callable[[], T]) -> T:
    """Run it in one of a few threads for large bodies, so that small ones are read meanwhile."""
    return await to_thread.run_sync(function, limiter=_limiter())


def _limiter() -> CapacityLimiter:
    """The limit of threads of this event loop."""
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(MAX_THREADS)
        _threads.set(limiter)
        return limiter
