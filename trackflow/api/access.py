"""Who may call what. Every route says whom it is open to; one that says nothing is for admins.

A request is judged before its body is read. Tokens come as `Authorization: Bearer`, as the
password of HTTP Basic (OwnTracks and others offer nothing else), as the page's cookie, and for
ingest also as `?token=`, because some trackers can send nothing but an address.

While a store has no tokens, the person at the machine may do everything: requests from this
machine to one of its own names. A page of some website that makes the browser send requests here
has another origin, or came by another host name, and is turned away.
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from trackflow.api.known_tokens import KnownTokens
from trackflow.errors import AccessError
from trackflow.pipeline.work import Work
from trackflow.store import tokens
from trackflow.store.tokens import Scope

COOKIE = "trackflow_token"

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `device_id` is the only device whose points it may deliver; None means any.

    `name` is the token's, after which positions are called that name no device.
    """

    scope: Scope
    device_id: str | None = None
    token_id: str | None = None
    name: str = ""


LOCAL = Caller(Scope.ADMIN)
"""The person at this machine, while there are no tokens."""


class NoTokenError(AccessError):
    """There is no token in the request, or not one that is in use."""


def open_to[F: Callable[..., Any]](scope: Scope | None) -> Callable[[F], F]:
    """Mark an endpoint as open to holders of a scope (and to admins), or with None to everyone."""

    def mark(endpoint: F) -> F:
        endpoint.__open_to__ = scope  # type: ignore[attr-defined]
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    """A route that asks who is there before it reads anything; the caller is `request.state`'s."""

    @property
    def scope(self) -> Scope | None:
        """Whom it is open to: admins, unless its endpoint says otherwise."""
        found: Scope | None = getattr(self.endpoint, "__open_to__", Scope.ADMIN)
        return found

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler behind the guard."""
        return self.guard(super().get_route_handler())

    def guard(
        self, handler: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """A handler that is reached by callers who may."""

        async def guarded(request: Request) -> Response:
            if self.scope is not None:
                known = _known_caller(request, self.scope)
                request.state.caller = known or await run_in_threadpool(_admit, request, self.scope)
            return await handler(request)

        return guarded


class PlainRoute(GuardedRoute):
    """A route whose endpoint takes what it needs from the request by itself.

    FastAPI's handler, which looks for parameters, would take a tenth of a report's time.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind the guard."""
        return self.guard(self.endpoint)


async def caller(request: Request) -> Caller:
    """Who asks, for endpoints that are not open to everyone."""
    found: Caller = request.state.caller
    return found


def _known_caller(request: Request, scope: Scope) -> Caller | None:
    """Whoever has one token, for this scope, that was in use a moment ago.

    None says nothing: then the store is asked.
    """
    secrets = _secrets(request, scope)
    if len(secrets) != 1:
        return None
    known: KnownTokens = request.app.state.known_tokens
    token = known.find(secrets[0])
    if token is None or token.scope not in (scope, Scope.ADMIN):
        return None
    return Caller(token.scope, token.device_id, token.token_id, token.name)


def _admit(request: Request, scope: Scope) -> Caller:
    work: Work = request.app.state.work
    request.app.state.known_tokens.refresh()
    secrets = _secrets(request, scope)
    with work.store.read() as connection:
        found = [t for secret in secrets if (t := tokens.find(connection, secret)) is not None]
        if not found and not tokens.exist(connection):
            return _local(request)
    if not found:
        raise NoTokenError(
            "this token is not in use" if secrets else "this needs a token: see `trackflow token`"
        )
    for token in found:
        if token.scope in (scope, Scope.ADMIN):
            return Caller(token.scope, token.device_id, token.token_id, token.name)
    raise AccessError(f"a token for {found[0].scope} does not open this; it takes one for {scope}")


def _secrets(request: Request, scope: Scope) -> list[str]:
    """Whatever the request has that could be a token."""
    found = []
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        found.append(value.strip())
    elif kind.lower() == "basic":
        found.append(_password(value))
    # The browser sends a cookie along by itself, so it counts only for our own page's requests.
    if COOKIE in request.cookies and is_own_page(request):
        found.append(request.cookies[COOKIE])
    if scope is Scope.INGEST and "token" in request.query_params:
        found.append(request.query_params["token"])
    return [secret for secret in found if secret]


def _password(encoded: str) -> str:
    try:
        plain = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain.partition(":")[2]


def _local(request: Request) -> Caller:
    host = request.client.host if request.client else ""
    if not _is_loopback(host):
        raise NoTokenError("this store has no tokens yet: make one with `trackflow token create`")
    # a host name of somebody else's that leads here is how websites get past same-origin rules
    if not _is_loopback(_name_of(request.headers.get("host", ""))) or not is_own_page(request):
        raise NoTokenError("without a token, requests must come from this machine's own pages")
    return LOCAL


def is_own_page(request: Request) -> bool:
    """Whether no browser says that another site's page makes this request."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        # following a link to the page from elsewhere changes nothing
        navigates = request.headers.get("sec-fetch-mode") == "navigate"
        return navigates and request.method in SAFE_METHODS
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
