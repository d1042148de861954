"""Access by scope. Every route names the scope that it is open to; by default it is for admins.

A request is judged before its body is read. Tokens come as `Authorization: Bearer`, as the
password of HTTP Basic (OwnTracks and others offer nothing else), as the page's cookie, and for
ingest also as `?token=`, because some trackers can send only an address.

While no-token mode is on (`usecases.access.no_token`), the person at the machine needs no token;
`own_machine` decides which requests are theirs. Wrong tokens are counted by address (`guesses`).
"""

import base64
import binascii
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from trackflow.context import Context
from trackflow.errors import AccessError
from trackflow.usecases.access.tokens import NoTokenMode, Scope, find_tokens
from trackflow.web.security.guesses import WrongTokens
from trackflow.web.security.known_parameters import check_parameters, parameters_of
from trackflow.web.security.known_tokens import KnownTokens
from trackflow.web.security.own_machine import NoTokenGuard, is_own_page, sign_of_proxy

COOKIE = "trackflow_token"

MAKE_ONE = "`trackflow token create NAME --scope admin` makes one"
ALLOW_LOCAL = "`trackflow token local on` lets this machine in without one again"


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request.

    `device_id` is the only device whose points it may deliver; None means any. `name` is the
    token's, which is the device of positions that name none.
    """

    scope: Scope
    device_id: str | None = None
    token_id: str | None = None
    name: str = ""


LOCAL = Caller(Scope.ADMIN)
"""The person at this machine, in no-token mode."""


def decider(caller: Caller) -> str:
    """The name under which a caller's decision is kept: that of the token."""
    return caller.name or "this machine"


class NoTokenError(AccessError):
    """There is no token in the request, or not one that is in use."""


class TooManyGuessesError(NoTokenError):
    """A wrong token from an address that has sent too many of them.

    Attributes:
        wait_s: for how many seconds it has to wait before its next one.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(
            "this token is not in use, and too many wrong ones came from this address: wait "
            f"{wait_s:.0f} s, or use a right one, which is not delayed"
        )
        self.wait_s = wait_s


def open_to[F: Callable[..., Any]](scope: Scope | None) -> Callable[[F], F]:
    """Mark an endpoint as open to holders of a scope (and to admins), or with None to everyone."""

    def mark(endpoint: F) -> F:
        endpoint.__open_to__ = scope  # type: ignore[attr-defined]
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    """A route that checks the caller before it reads the body; sets `request.state.caller`."""

    @property
    def scope(self) -> Scope | None:
        """The scope that it is open to: admin, unless its endpoint has another."""
        found: Scope | None = getattr(self.endpoint, "__open_to__", Scope.ADMIN)
        return found

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler behind the guard, for known query parameters only.

        Routes open to everyone are pages, to whose links others add parameters of their own;
        those of deliveries get what each sender adds.
        """
        handler = super().get_route_handler()
        if self.scope not in (Scope.READ, Scope.ADMIN):
            return self.guard(handler)
        known = parameters_of(self)

        async def checked(request: Request) -> Response:
            check_parameters(request, known)
            return await handler(request)

        return self.guard(checked)

    def guard(
        self, handler: Callable[[Request], Coroutine[Any, Any, Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap a handler so that only callers with the scope reach it."""

        async def guarded(request: Request) -> Response:
            no_token: NoTokenGuard = request.app.state.no_token_guard
            if no_token.may_be_on() and (sign := sign_of_proxy(request)) is not None:
                await run_in_threadpool(no_token.switch_off, sign)
            if self.scope is not None:
                known = await _known_caller(request, self.scope)
                request.state.caller = known or await run_in_threadpool(_admit, request, self.scope)
            return await handler(request)

        return guarded


class PlainRoute(GuardedRoute):
    """A route whose endpoint reads its parameters from the request by itself.

    FastAPI's handler, which parses parameters, would take a tenth of a report's time. An address
    with a slash behind it is the same address: senders do not follow a redirection of a POST, and
    some take it for a success.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + "/?$")

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint behind the guard."""
        return self.guard(self.endpoint)


async def caller(request: Request) -> Caller:
    """The caller, for endpoints that are not open to everyone."""
    found: Caller = request.state.caller
    return found


async def _known_caller(request: Request, scope: Scope) -> Caller | None:
    """The caller of a delivery with one token that was valid a moment ago.

    None means unknown: then the store decides, as it always does for reading and for changes.
    """
    if scope is not Scope.INGEST:
        return None
    secrets = _secrets(request, scope)
    if len(secrets) != 1:
        return None
    known: KnownTokens = request.app.state.known_tokens
    await known.renew()
    token = known.find(secrets[0])
    if token is None or token.scope not in (scope, Scope.ADMIN):
        return None
    return Caller(token.scope, token.device_id, token.token_id, token.name)


def _admit(request: Request, scope: Scope) -> Caller:
    context: Context = request.app.state.context
    secrets = _secrets(request, scope)
    found, mode = find_tokens(context, secrets)
    if mode is not None:
        return _without_token(request, mode, secrets)
    for token in found:
        if token.scope in (scope, Scope.ADMIN):
            return Caller(token.scope, token.device_id, token.token_id, token.name)
    raise AccessError(f"a token for {found[0].scope} does not open this; it takes one for {scope}")


def _without_token(request: Request, mode: NoTokenMode, wrong: list[str]) -> Caller:
    """The person at this machine, if no-token mode admits the request.

    Raises:
        NoTokenError: it does not.
    """
    objection = None
    if mode.is_on:
        no_token: NoTokenGuard = request.app.state.no_token_guard
        objection = no_token.objection(request)
        if objection is None:  # also with the cookie of an older store
            return LOCAL
    if wrong:
        raise wrong_token(request, wrong, "this token is not in use")
    if objection is not None:
        raise NoTokenError(f"this needs a token, as {objection}; {MAKE_ONE}")
    why = f"since {mode.reason}" if mode.reason else "always"
    raise NoTokenError(f"this needs a token ({why}): {MAKE_ONE}, {ALLOW_LOCAL}")


def wrong_token(request: Request, secrets: list[str], message: str) -> NoTokenError:
    """The error for wrong tokens, which are counted for the address that sent them."""
    guesses: WrongTokens = request.app.state.guesses_of_tokens
    wait_s = guesses.note_wrong(request.client.host if request.client else "", secrets)
    return TooManyGuessesError(wait_s) if wait_s > 0 else NoTokenError(message)


def _secrets(request: Request, scope: Scope) -> list[str]:
    """All values of the request that could be a token."""
    found = []
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        found.append(value.strip())
    elif kind.lower() == "basic":
        found.append(_password(value))
    # The browser sends a cookie along by itself, so it is valid only in requests of our own page.
    if "cookie" in request.headers and COOKIE in request.cookies and is_own_page(request):
        found.append(request.cookies[COOKIE])
    if scope is Scope.INGEST and request.scope["query_string"] and "token" in request.query_params:
        found.append(request.query_params["token"])
    return [secret for secret in found if secret]


def _password(encoded: str) -> str:
    try:
        plain = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return plain.partition(":")[2]
