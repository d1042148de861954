"""Reads the bodies of deliveries and stores them, large ones part by part."""

from collections.abc import Callable, Iterator, Mapping

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Request
from starlette.exceptions import HTTPException

from trackflow.context import Context
from trackflow.sources.admission import fit_device
from trackflow.sources.devices import flat, reading
from trackflow.sources.devices.bodies import TooMuchError
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow.sources.devices.parts import USUAL_SIZES
from trackflow.usecases.intake.receiving import ReceptionCounts, Report
from trackflow.web.reception import ReportQueue
from trackflow.web.security.access import Caller

PACKINGS = ("", "identity", "gzip", "x-gzip")

MAX_THREADS = 2
"""Threads that read large bodies: more would only compete for processors and memory."""

MANY_DEVICES = 100
"""A report of more devices, or with refused input, takes several times as long to store."""

READ_AT_ONCE_BYTES = 4_096
"""A body up to this size is parsed faster than a thread would start."""

_threads: RunVar[CapacityLimiter] = RunVar("delivery_threads")


async def take(
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


def query_of(request: Request) -> Mapping[str, str]:
    """The query parameters; most reports have none, and their parsing is skipped."""
    return request.query_params if request.scope["query_string"] else {}


def _envelope(request: Request, protocol: str, named: str) -> Envelope:
    """The parts of a request, besides its body, that decide how it is read."""
    caller: Caller = request.state.caller
    query = query_of(request)
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
    step = USUAL_SIZES.most_elements if is_plain else USUAL_SIZES.most_elements // 4
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
