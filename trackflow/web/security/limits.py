"""Limits on the size and time of a request, so that no client fills the memory or holds a slot."""

import asyncio
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A phone's backlog of weeks is a few megabytes."""

SMALL_BODY_BYTES = 65_536
MAX_LARGE_BODIES_BYTES = 128 * 1024 * 1024
"""Limit for the large bodies of all open requests; smaller bodies are always accepted."""

BODY_DEADLINE_S = 30.0
"""Seconds for the whole body, however slowly it arrives."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits of bodies.

    Attributes:
        max_bytes: of one body.
        max_large_bytes: of the large bodies of all open requests together.
        deadline_s: seconds for a whole body.
    """

    max_bytes: int
    max_large_bytes: int
    deadline_s: float


class LimitsMiddleware:
    """Answers 413 to bodies that are too large, and 408 to those that take too long.

    It answers 503 while there are too many large bodies. The limits apply only while the body is
    read: a route that needs no body answers without waiting for it.
    """

    def __init__(self, app: Any, limits: BodyLimits | None = None) -> None:
        self.app = app
        self.limits = limits
        self.large_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limits = self.limits or BodyLimits(MAX_BODY_BYTES, MAX_LARGE_BODIES_BYTES, BODY_DEADLINE_S)
        body = _LimitedRequest(self, receive, limits)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.large_bytes -= body.large_bytes


class _LimitedRequest:
    """One request's body, counted and timed."""

    def __init__(self, all_bodies: LimitsMiddleware, receive: Any, limits: BodyLimits) -> None:
        self._all_bodies = all_bodies
        self._receive, self._limits = receive, limits
        self.large_bytes = 0
        self._size = 0
        self._complete = False
        self._deadline = asyncio.get_running_loop().time() + limits.deadline_s

    async def receive(self) -> Any:
        if self._complete:  # the next message is the end of the connection, at any time
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise _refused(408, "the request took too long to arrive") from None
        self._size += len(message.get("body", b""))
        if self._size > self._limits.max_bytes:
            limit_mib = self._limits.max_bytes // (1024 * 1024)
            raise _refused(413, f"at most {limit_mib} MiB at a time: send it in parts")
        if self._size > SMALL_BODY_BYTES:
            self._count_as_large()
        self._complete = not message.get("more_body", False)
        return message

    def _count_as_large(self) -> None:
        more = self._size - self.large_bytes
        if self._all_bodies.large_bytes + more > self._limits.max_large_bytes:
            message = "too many large bodies at once: send it again later"
            raise _refused(503, message, {"Retry-After": "10"})
        self._all_bodies.large_bytes += more
        self.large_bytes += more


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> HTTPException:
    # FastAPI passes on this class alone; any other error while reading would become a 400
    return HTTPException(status, message, {"Connection": "close"} | (headers or {}))


class HeadersMiddleware:
    """Adds headers to every answer that does not set them itself."""

    def __init__(self, app: Any, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message.get("headers", [])}
                more = [pair for pair in self.headers if pair[0] not in have]
                message["headers"] = [*message.get("headers", []), *more]
            await send(message)

        await self.app(scope, receive, send_with_headers)
