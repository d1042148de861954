"""An id for each request, and a line in the log: by the route's template, never by the address.

Addresses hold tokens, positions, boxes and names of devices.
"""

import logging
import re
import secrets
import time
from typing import Any

from trackflow.logs import FIELDS, IDS

log = logging.getLogger("trackflow.access")

HEADER = b"x-request-id"

_ACCEPTED = re.compile(rb"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,63}")
"""Others could forge lines of a log, or fill it."""


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The id that the sender or its proxy gave, if it can be kept; else a new one."""
    given = next((value for name, value in headers if name == HEADER), b"")
    return given.decode() if _ACCEPTED.fullmatch(given) else secrets.token_hex(8)


class RequestLogMiddleware:
    """Gives each request an id, which its answer, its log lines and its access line bear."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        # left set: the server logs an error after this has returned, in the same task
        IDS["request_id"].set(request_id)
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", []), (HEADER, request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            if log.isEnabledFor(logging.INFO):
                _log(scope, status, time.perf_counter() - started)


def _log(scope: Any, status: int, elapsed_s: float) -> None:
    route = getattr(scope.get("route"), "path", None)
    method = scope["method"] if scope["method"].isalpha() else "other"
    fields = {
        "method": method[:16],
        "route": route,
        "status": status,
        "duration_ms": round(elapsed_s * 1000, 1),
    }
    log.info("%s %s %d", fields["method"], route or "none", status, extra={FIELDS: fields})
