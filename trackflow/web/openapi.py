"""The application with a description whose examples are whole, and which says who may what."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from trackflow.usecases.access.tokens import Scope
from trackflow.web.security.access import COOKIE, GuardedRoute

SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `trackflow token create NAME --scope read`. The scopes: `read` "
        "looks, `ingest` delivers positions, `admin` does everything.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The token as the password, with any user, for senders with nothing else.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Of a browser that has signed in by `POST /session`; own pages only.",
    },
    "address": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The token in the address, for deliveries of senders with nothing else.",
    },
}
"""How a token comes. OpenAPI has scopes for OAuth only; for others it lists roles, as here."""


class DescribedApi(FastAPI):
    """FastAPI leaves nulls out of examples, which then lack fields: here they are put in again."""

    def openapi(self) -> dict[str, Any]:
        """The description of all routes."""
        if self.openapi_schema is None:
            description = super().openapi()
            description["components"]["securitySchemes"] = SCHEMES
            for found in iter_route_contexts(self.routes):
                route = found.original_route
                if isinstance(route, APIRoute) and route.include_in_schema:
                    _add_examples(description["paths"][route.path_format], route)
                if isinstance(route, GuardedRoute) and route.include_in_schema:
                    _add_security(description["paths"][route.path_format], route)
        return super().openapi()


def _add_examples(operations: dict[str, Any], route: APIRoute) -> None:
    for status, answer in route.responses.items():
        for kind, content in answer.get("content", {}).items():
            for method in (route.methods or ()) if "example" in content else ():
                described = operations[method.lower()]["responses"][str(status)]["content"]
                described[kind]["example"] = content["example"]


def _add_security(operations: dict[str, Any], route: GuardedRoute) -> None:
    """Say by which scheme, and with which scope, a caller is let in; all are if there is none."""
    schemes = ["bearer", "basic", "session", *(["address"] if route.scope is Scope.INGEST else [])]
    needed = [] if route.scope is None else [{name: [route.scope.value]} for name in schemes]
    for method in route.methods or ():
        operations[method.lower()]["security"] = needed
