"""What every application of trackflow has in common: who is let in, and how errors are answered."""

from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from trackflow.context import Context
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.housekeeping.health import write_probe
from trackflow.web.problems import add_problems
from trackflow.web.security.access import GuardedRoute, open_to
from trackflow.web.security.guesses import WrongTokens
from trackflow.web.security.known_tokens import KnownTokens
from trackflow.web.security.own_machine import NoTokenGuard

OPTIONS: dict[str, Any] = {
    # FastAPI's own documentation pages load their scripts from other sites
    "docs_url": None,
    "redoc_url": None,
    "openapi_url": None,
    # it would read its settings with every request, and addresses may be positions
    "telemetry": {"tracing": False, "metrics": False, "logs": False},
}
"""Arguments of FastAPI."""


def routes_of(*routers: APIRouter) -> list[BaseRoute]:
    """The routes of routers, for FastAPI's argument `routes`.

    Including the routers would make the models of each route anew for every application, which
    takes longer than all else that an application needs, and look for each route in two steps.
    """
    return [route for router in routers for route in router.routes]


def guard(app: FastAPI, context: Context, *, listens_locally: bool) -> None:
    """Let an application with these options admit by the store's tokens, and describe itself.

    Args:
        app: has its routes already.
        context: the store and settings.
        listens_locally: whether it listens on a loopback address only; no-token mode needs it.
    """
    app.state.context = context
    app.state.no_token_guard = NoTokenGuard(context, listens_locally)
    app.state.guesses_of_tokens = WrongTokens()
    app.state.known_tokens = KnownTokens(context)
    app.state.write_probe = write_probe(context)
    app.router.route_class = GuardedRoute

    @app.get("/openapi.json", include_in_schema=False)
    @open_to(Scope.READ)
    def describe() -> dict[str, Any]:
        return app.openapi()

    add_problems(app)
