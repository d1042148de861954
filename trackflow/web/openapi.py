"""The application with a description whose examples are whole."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts


class DescribedApi(FastAPI):
    """FastAPI leaves nulls out of examples, which then lack fields: here they are put in again."""

    def openapi(self) -> dict[str, Any]:
        """The description of all routes."""
        if self.openapi_schema is None:
            description = super().openapi()
            for found in iter_route_contexts(self.routes):
                route = found.original_route
                if isinstance(route, APIRoute) and route.include_in_schema:
                    _add_examples(description["paths"][route.path_format], route)
        return super().openapi()


def _add_examples(operations: dict[str, Any], route: APIRoute) -> None:
    for status, answer in route.responses.items():
        for kind, content in answer.get("content", {}).items():
            for method in (route.methods or ()) if "example" in content else ():
                described = operations[method.lower()]["responses"][str(status)]["content"]
                described[kind]["example"] = content["example"]
