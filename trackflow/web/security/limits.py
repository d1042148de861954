"""Limits on the size and time of a request, so that no client fills the memory or holds a slot."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from trackflow.web.security.access import Caller


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The largest request, and the longest time that it may take to arrive.

    Attributes:
        body_bytes: largest body; a phone's backlog of weeks is a few megabytes.
        small_body_bytes: bodies up to this size are always accepted, and larger ones of callers
            only whom a token or no-token mode has let in.
        large_bodies_bytes: limit for the larger bodies of all open requests together; one token's
            may have half of it, so that none of them holds up all others.
        body_s: time for the whole body, however slowly it arrives.
        headers_bytes: largest headers of a request.
        headers_s: time for the whole headers; an idle connection is closed after it as well.
        advice: what to do about a body that is too large.
    """

    body_bytes: int = 16 * 1024 * 1024
    small_body_bytes: int = 65_536
    large_bodies_bytes: int = 128 * 1024 * 1024
    body_s: float = 30.0
    headers_bytes: int = 65_536
    headers_s: float = 10.0
    advice: str = "send it in parts"


USUAL_LIMITS = RequestLimits()


class LimitsMiddleware:
    """Answers 413 to bodies that are too large, and 408 to those that take too long.

    It answers 503 while there are too many large bodies, of all or of the same token. The limits
    apply only while the body is read, by when the guard has admitted the caller: a route that needs
    no body answers without waiting for it. `of_paths` are other limits, by path.
    """

    def __init__(
        self, app: Any, limits: RequestLimits, of_paths: Mapping[str, RequestLimits] | None = None
    ) -> None:
        self.app = app
        self._usual = _OpenBodies(limits)
        # with a budget of their own: images under way do not make deliveries wait
        self._of_paths = {path: _OpenBodies(own) for path, own in (of_paths or {}).items()}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        open_bodies = self._of_paths.get(scope["path"], self._usual)
        body = _LimitedRequest(open_bodies, scope, receive)
        try:
            await self.app(scope, body.receive, send)
        finally:
            body.forget()


@dataclass(slots=True)
class _OpenBodies:
    """The large bodies of open requests that share a limit."""

    limits: RequestLimits
    large_bytes: Counter[str] = field(default_factory=Counter)
    """By the id of the token that they came with; empty in no-token mode."""


class _LimitedRequest:
    """One request's body, counted and timed."""

    def __init__(self, all_bodies: _OpenBodies, scope: Any, receive: Any) -> None:
        self._all_bodies, self._scope = all_bodies, scope
        self._announced = _announced_bytes(scope["headers"])
        self._receive, self._limits = receive, all_bodies.limits
        self.large_bytes = 0
        self._sender = ""
        self._size = 0
        self._complete = False
        self._deadline = asyncio.get_running_loop().time() + self._limits.body_s

    async def receive(self) -> Any:
        if self._complete:  # the next message is the end of the connection, at any time
            return await self._receive()
        if self._announced > self._limits.body_bytes:
            raise self._too_large()  # now, not after the hour that it takes to arrive
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise _refused(408, "the request took too long to arrive") from None
        self._size += len(message.get("body", b""))
        if self._size > self._limits.body_bytes:
            raise self._too_large()
        if self._size > self._limits.small_body_bytes:
            self._count_as_large()
        self._complete = not message.get("more_body", False)
        return message

    def _too_large(self) -> HTTPException:
        limit_mib = self._limits.body_bytes // (1024 * 1024)
        return _refused(413, f"at most {limit_mib} MiB at a time: {self._limits.advice}")

    def _count_as_large(self) -> None:
        caller: Caller | None = self._scope.get("state", {}).get("caller")
        if caller is None:
            kib = self._limits.small_body_bytes // 1024
            raise _refused(413, f"at most {kib} KiB at a time where no token is needed")
        self._sender = caller.token_id or ""
        more, most = self._size - self.large_bytes, self._limits.large_bodies_bytes
        held = self._all_bodies.large_bytes
        if held[self._sender] + more > most // 2 or held.total() + more > most:
            message = "too many large bodies at once: send it again later"
            raise _refused(503, message, {"Retry-After": "10"})
        held[self._sender] += more
        self.large_bytes += more

    def forget(self) -> None:
        """Leave its bytes to others, as the request is answered."""
        if self.large_bytes:
            held = self._all_bodies.large_bytes
            held[self._sender] -= self.large_bytes
            if not held[self._sender]:
                del held[self._sender]


def _announced_bytes(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """What the headers say of the body's size; 0 if they say nothing."""
    value = next((value for name, value in headers if name == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> HTTPException:
    # FastAPI passes on this class alone; any other error while reading would become a 400
    return HTTPException(status, message, {"Connection": "close"} | (headers or {}))


def _on_this_host(address: bytes) -> bytes:
    """An address of ours without scheme and host, which a proxy with TLS may have changed.

    Else a client that added a slash would be led to http, and would send its token in the clear.
    """
    found = urlsplit(address.decode("latin-1"))
    query = f"?{found.query}" if found.query else ""
    return f"/{found.path.lstrip('/')}{query}".encode("latin-1")


class HeadersMiddleware:
    """Adds headers to every answer that does not set them itself, and leads to no other host."""

    def __init__(self, app: Any, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", [])
                have = {name.lower() for name, _ in own}
                more = [pair for pair in self.headers if pair[0] not in have]
                if b"location" in have:
                    own = [(k, _on_this_host(v) if k == b"location" else v) for k, v in own]
                message["headers"] = [*own, *more]
            await send(message)

        await self.app(scope, receive, send_with_headers)
