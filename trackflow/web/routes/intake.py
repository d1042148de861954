"""Routes for deliveries: one address per client, each with the answer that its client expects.

A client that gets an error sends the same body again, some clients for ever. So every body that is
received is answered as a success, and input that is no position is kept whole in
`quarantined_points` with its reason. Errors are only for bodies that are not kept: the database is
away (503), the body is too large (413), the quarantine is full (507).
"""

from collections.abc import Sequence
from typing import Any

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from trackflow.errors import AccessError
from trackflow.sources.devices import flat, geojson_batch, overland, owntracks
from trackflow.usecases.access.tokens import Scope
from trackflow.web.answers import deliveries as answers
from trackflow.web.answers.describing import Answers
from trackflow.web.deliveries import query_of, take
from trackflow.web.dependencies import plain_router
from trackflow.web.security.access import open_to

router = plain_router()

POST_ONLY = (owntracks.SOURCE, overland.SOURCE, geojson_batch.SOURCE)
"""Protocols whose positions do not fit into an address."""


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


DEVICE = _parameter("device", "Device of the positions that name none, such as `bus-7`.")


@router.post(
    "/ingest/owntracks",
    tags=["delivery"],
    summary="Positions from OwnTracks (HTTP mode)",
    responses=answers.OWNTRACKS,
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
    query, headers = query_of(request), request.headers
    named = owntracks.device_named(query.get("u"), query.get("d")) or owntracks.device_named(
        headers.get("x-limit-u"), headers.get("x-limit-d")
    )
    await take(request, owntracks.SOURCE, named=named)
    return answers.NO_MESSAGES


@router.post(
    "/ingest/overland",
    tags=["delivery"],
    summary="Positions from Overland",
    responses=answers.OVERLAND,
    openapi_extra=_takes("A batch as the app sends it.", {"locations": []}, parameters=[DEVICE]),
)
@open_to(Scope.INGEST)
async def from_overland(request: Request) -> Response:
    """Set the app's receiver to this address, with a token as its access token.

    The device is the token's, else each position's `device_id`, else `device`, else the token's
    name, else `overland`.
    """
    await take(request, overland.SOURCE)
    return answers.RESULT_OK


@router.post(
    "/ingest/geojson",
    tags=["delivery"],
    summary="Positions as GeoJSON",
    responses=answers.COUNTS,
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
    received, _, _ = await take(request, geojson_batch.SOURCE)
    return answers.counts_answer(received)


SENDER = {
    "name": "sender",
    "in": "path",
    "required": True,
    "description": "The app or tracker that sends; `traccar` finds it out by itself.",
    "schema": {
        "type": "string",
        "enum": [x for x in flat.SENDERS if x not in (flat.PHONETRACK, flat.HOME_ASSISTANT)],
    },
}


def _flat(responses: Answers, *parameters: Any) -> dict[str, Any]:
    """The description of positions as parameters of an address."""
    return {
        "tags": ["delivery"],
        "summary": "A position as parameters of the address",
        "response_class": Response,
        "responses": responses,
        "openapi_extra": {"parameters": parameters},
    }


def _flat_body(responses: Answers, *parameters: Any) -> dict[str, Any]:
    """The description of flat records in a body."""
    body = _takes(
        "JSON of Traccar Client, JSON that a Traccar server forwards, a form, or nothing.",
        {
            "location": {
                "timestamp": "2026-09-21T14:13:20Z",
                "coords": {"latitude": 60.17, "longitude": 24.94, "accuracy": 8, "speed": 7.5},
            },
            "device_id": "bus-7",
        },
        "application/x-www-form-urlencoded",
        parameters=parameters,
    )
    summary = "Positions as parameters, as a form, or as JSON"
    return _flat(responses) | {"summary": summary, "openapi_extra": body}


@router.get("/ingest/phonetrack", **_flat(answers.PHONETRACK))
@router.post("/ingest/phonetrack", **_flat_body(answers.PHONETRACK))
@open_to(Scope.INGEST)
async def from_phonetrack(request: Request) -> Response:
    """Receives from PhoneTrack and its relatives, by the rules of `/ingest/{sender}`."""
    await _take_flat(request, flat.PHONETRACK)
    return answers.TO_PHONETRACK


@router.get("/ingest/homeassistant", **_flat(answers.HOME_ASSISTANT))
@router.post("/ingest/homeassistant", **_flat_body(answers.HOME_ASSISTANT))
@open_to(Scope.INGEST)
async def from_home_assistant(request: Request) -> Response:
    """Receives from Home Assistant and its apps, by the rules of `/ingest/{sender}`."""
    await _take_flat(request, flat.HOME_ASSISTANT)
    return answers.TO_HOME_ASSISTANT


@router.get("/ingest/{sender}", **_flat(answers.NOTHING, SENDER))
@router.post("/ingest/{sender}", **_flat_body(answers.NOTHING, SENDER))
@open_to(Scope.INGEST)
async def from_flat(request: Request) -> Response:
    """Receives from Traccar Client, OsmAnd, GPSLogger, Colota, OpenGTS.

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
    protocol: str = request.path_params["sender"]
    if protocol in POST_ONLY:
        raise HTTPException(405, f"positions from {protocol} come by POST", {"Allow": "POST"})
    if protocol not in flat.SENDERS:
        raise HTTPException(404, f"there is no sender {protocol[:40]}; see docs/senders.md")
    sender, body = await _take_flat(request, protocol)
    of_webhook = sender == flat.HOME_ASSISTANT and body.lstrip()[:1] == b"{"
    return answers.TO_HOME_ASSISTANT if of_webhook else answers.EMPTY


async def _take_flat(request: Request, protocol: str) -> tuple[str, bytes]:
    """Read and store flat records; returns their sender and the body."""
    # a link on a website could lead a browser here, which may have access by no-token mode
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise AccessError("positions do not come from another site's page")
    _, sender, body = await take(request, protocol)
    return sender, body
