"""Passes requests directly to endpoints that get hundreds of them a second.

FastAPI looks through its routers twice, and handles errors and resources anew in each: that takes
as long as reading and storing a report. Plain routes need none of it: only the guard stands before
them, and they stay in their router, which describes them.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from trackflow.errors import TrackflowError
from trackflow.web.security.access import PlainRoute

type Answer = Callable[[Request, Exception], Awaitable[Response]]
"""Makes the answer to an error."""


class DirectMiddleware:
    """Passes requests to a router's plain routes, and all others to the application."""

    def __init__(self, app: Any, router: APIRouter, errors: Sequence[tuple[Any, Answer]]) -> None:
        self.app = app
        self._routes = [
            (route, frozenset(route.methods or ()), route.get_route_handler())
            for route in router.routes
            if isinstance(route, PlainRoute)
        ]
        self._errors = errors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""
        if scope["type"] == "http":
            path, method = scope["path"], scope["method"]
            for route, methods, handler in self._routes:
                found = route.path_regex.match(path)
                if found and method in methods:
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    response = await self._answer(Request(scope, receive), handler)
                    await response(scope, receive, send)
                    return
        await self.app(scope, receive, send)

    async def _answer(
        self, request: Request, handler: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        try:
            return await handler(request)
        except (TrackflowError, HTTPException) as error:
            answer = next(answer for kind, answer in self._errors if isinstance(error, kind))
            return await answer(request, error)
