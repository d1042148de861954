"""Where devices deliver: one address per client, each with the answer that its client expects.

A client that is answered with an error sends the same again, some of them for ever. So whatever
can be received is answered as a success, and what is no position is kept whole in
`quarantined_points` with its reason. Errors are only for what is not kept: the database is away
(503), the body is too large (413), the quarantine is full (507).
"""

from enum import StrEnum
from typing import Annotated, Any

import orjson
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Depends, Header, Path, Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from trackflow.api.access import Caller, open_to
from trackflow.api.dependencies import CallerDep, WorkDep, guarded_router
from trackflow.errors import AccessError
from trackflow.pipeline.receiving import Received, receive
from trackflow.pipeline.work import Work
from trackflow.sources.door import fit_device
from trackflow.sources.phones import flat, geojson_batch, overland, owntracks, reading
from trackflow.sources.phones.bodies import TooMuchError
from trackflow.sources.phones.envelopes import Envelope
from trackflow.store.tokens import Scope
from trackflow.store.types import to_us

router = guarded_router()


class FlatDoor(StrEnum):
    """Addresses of flat records: at each but `traccar` it is said who sends."""

    TRACCAR = flat.TRACCAR
    TRACCAR_SERVER = flat.TRACCAR_SERVER
    OSMAND = flat.OSMAND
    GPSLOGGER = flat.GPSLOGGER
    OPENGTS = flat.OPENGTS
    PHONETRACK = flat.PHONETRACK
    COLOTA = flat.COLOTA
    HOME_ASSISTANT = flat.HOME_ASSISTANT


ANSWERS = {flat.HOME_ASSISTANT: {}, flat.PHONETRACK: {"done": 1, "friends": []}}
"""What senders of flat records wait for; to all others an empty answer is a success."""

PACKINGS = ("", "identity", "gzip", "x-gzip")

MAX_THREADS = 8
"""For deliveries; fewer than the connections to the database, which others need too."""

_threads: RunVar[CapacityLimiter] = RunVar("delivery_threads")

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request broke off."},
    408: {"description": "The body took too long to arrive; send it again."},
    413: {"description": "Too large, or too many positions at a time: send them in parts."},
    415: {"description": "The body is compressed in another way than gzip."},
    503: {"description": "The database is away; nothing was stored, send it again."},
    507: {"description": "There is no room to keep what cannot be read; nothing was stored."},
}


def _takes(description: str, example: object, *more_types: str) -> dict[str, Any]:
    """A body for the API's description, which is read as it comes whatever its type."""
    content: dict[str, Any] = {"application/json": {"schema": {}, "example": example}}
    content |= {kind: {"schema": {"type": "string"}} for kind in more_types}
    return {"requestBody": {"description": description, "content": content}}


def _answers(description: str, example: object) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": {}, "example": example}}
    return ERRORS | {200: {"description": description, "content": content}}


async def _received_body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise HTTPException(400, "the request broke off") from None


BodyDep = Annotated[bytes, Depends(_received_body)]
DeviceQuery = Annotated[
    str, Query(description="Device of the positions that name none, such as `bus-7`.")
]


@router.post(
    "/ingest/owntracks",
    tags=["delivery"],
    summary="Positions from OwnTracks (HTTP mode)",
    responses=_answers("Stored; there are no messages for the app.", []),
    openapi_extra=_takes(
        "One OwnTracks message, or a list of them.",
        {"_type": "location", "lat": 60.17, "lon": 24.94, "tst": 1_790_000_000, "acc": 8},
    ),
)
@open_to(Scope.INGEST)
async def from_owntracks(
    request: Request,
    body: BodyDep,
    work: WorkDep,
    caller: CallerDep,
    u: Annotated[str, Query(description="User; with `d` the device is `u/d`.")] = "",
    d: Annotated[str, Query(description="Name of the user's device.")] = "",
    x_limit_u: Annotated[str, Header(description="As `u`; sent by the apps.")] = "",
    x_limit_d: Annotated[str, Header(description="As `d`; sent by the apps.")] = "",
) -> Response:
    """Set the app to HTTP mode with this address, and a token as its password.

    The device is the token's, else `u/d`, else the headers', else the topic's `user/device`, else
    the tracker id, else the token's name, else `owntracks`. Messages that are not positions are
    ignored; encrypted ones need their key in TRACKFLOW_OWNTRACKS_KEYS, and are kept without it.
    """
    named = owntracks.device_named(u, d) or owntracks.device_named(x_limit_u, x_limit_d)
    await _take(work, request, body, _envelope(request, caller, owntracks.SOURCE, named=named))
    return _json([])


@router.post(
    "/ingest/overland",
    tags=["delivery"],
    summary="Positions from Overland",
    responses=_answers("Stored; the app deletes the batch.", {"result": "ok"}),
    openapi_extra=_takes("A batch as the app sends it.", {"locations": []}),
)
@open_to(Scope.INGEST)
async def from_overland(
    request: Request, body: BodyDep, work: WorkDep, caller: CallerDep, device: DeviceQuery = ""
) -> Response:
    """Set the app's receiver to this address, with a token as its access token.

    The device is the token's, else each position's `device_id`, else `device`, else the token's
    name, else `overland`.
    """
    await _take(work, request, body, _envelope(request, caller, overland.SOURCE, device))
    return _json({"result": "ok"})


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
async def from_geojson(
    request: Request, body: BodyDep, work: WorkDep, caller: CallerDep, device: DeviceQuery = ""
) -> Response:
    """For your own scripts. Properties are found by their usual names, as in files.

    The device is the token's, else each feature's `device_id`, else `device`, else the token's
    name, else `geojson`. A repeated delivery adds nothing, so a script may send again whatever it
    is not sure of.
    """
    envelope = _envelope(request, caller, geojson_batch.SOURCE, device)
    received = await _take(work, request, body, envelope)
    return _json(
        {
            "accepted": received.accepted,
            "repeated": received.repeated,
            "refused": received.refused,
            "reasons": received.reasons,
        }
    )


@router.get(
    "/ingest/{door}",
    tags=["delivery"],
    summary="A position as parameters of the address",
    response_class=Response,
    responses=ERRORS | {200: {"description": "Stored; nothing follows."}},
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
    ),
)
@open_to(Scope.INGEST)
async def from_flat(
    request: Request,
    body: BodyDep,
    work: WorkDep,
    caller: CallerDep,
    door: Annotated[FlatDoor, Path(description="Who sends; `traccar` finds it out by itself.")],
) -> Response:
    """For Traccar Client, OsmAnd, GPSLogger, PhoneTrack, Colota, Home Assistant, OpenGTS.

    And for a Traccar server's `forward.url` (`forward.type` json or url).

    The position is in the address, in a form, or in JSON: `id` (or `deviceid`), `lat` and `lon` (or
    `location=lat,lon`), `timestamp` (seconds or milliseconds since 1970, or ISO 8601), `speed`,
    `bearing` (or `heading`), `altitude`, `accuracy` in metres, `hdop`, `valid`, or the usual other
    names. `speed` is in the unit of who sends (knots from Traccar, metres per second from phones);
    `speed_unit` says another: `kmh`, `kn`, `mph`, `ms`.

    The device is the token's, else the position's, else the token's name, else who sends. A
    position without a time is refused, but for the forms that have none: they get the time of
    their arrival.
    """
    # a link on some website could lead a browser here, and a browser that follows it may get in
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise AccessError("positions do not come from another site's page")
    received = await _take(work, request, body, _envelope(request, caller, door.value))
    of_webhook = received.sender == flat.HOME_ASSISTANT and body.lstrip()[:1] == b"{"
    wanted = ANSWERS.get(flat.HOME_ASSISTANT if of_webhook else door.value)
    return Response() if wanted is None else _json(wanted)


async def _take(work: Work, request: Request, body: bytes, envelope: Envelope) -> Received:
    """Read and store a body, in one of a few threads kept for this.

    While the database is slow, deliveries wait without one, so that reading goes on as before.
    """
    if request.headers.get("content-encoding", "").strip().lower() not in PACKINGS:
        raise HTTPException(415, "a body may be compressed with gzip only")

    def store() -> Received:
        keys = work.settings.owntracks_keys
        delivery = reading.read(body, envelope, now_us=to_us(work.clock()), keys=keys)
        return receive(work, delivery, delivery.sender)

    try:
        return await to_thread.run_sync(store, limiter=_limiter())
    except TooMuchError as error:
        raise HTTPException(413, str(error)) from None


def _envelope(
    request: Request, caller: Caller, door: str, device: str = "", *, named: str = ""
) -> Envelope:
    """What of a request, besides its body, decides how it is read.

    Args:
        request: it.
        caller: who sends it.
        door: the last part of the address.
        device: the device of positions that name none, as the address says.
        named: the device that the request names outside its body.
    """
    fallback = device.strip() or (caller.name if fit_device(caller.name.strip()) else "")
    return Envelope(
        door,
        device_id=caller.device_id,
        named_device=named,
        fallback_device=fallback,
        query={name: value for name, value in request.query_params.items() if name != "token"},
        is_json="json" in request.headers.get("content-type", "").lower(),
    )


def _limiter() -> CapacityLimiter:
    """The limit of this event loop."""
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(MAX_THREADS)
        _threads.set(limiter)
        return limiter


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
