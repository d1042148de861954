"""Refuses query parameters that a route does not have: a misspelt filter would filter nothing."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

MOST_NAMED = 5
MOST_CHARACTERS = 40
"""Of an unknown name in a message."""


def parameters_of(route: APIRoute) -> frozenset[str]:
    """The names of the query parameters that a route has."""
    described = (route.openapi_extra or {}).get("parameters", ())
    return frozenset(_of_dependant(route.dependant)) | frozenset(
        parameter["name"] for parameter in described if parameter["in"] == "query"
    )


def _of_dependant(found: Dependant) -> Iterator[str]:
    yield from (field.alias for field in found.query_params)
    for part in found.dependencies:
        yield from _of_dependant(part)


def check_parameters(request: Request, known: frozenset[str]) -> None:
    """Refuse a request with another query parameter.

    Raises:
        HTTPException: 422, with the parameters that there are.
    """
    if not request.scope["query_string"]:
        return
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        named = ", ".join(f"`{name[:MOST_CHARACTERS]}`" for name in unknown[:MOST_NAMED])
        may = "this takes " + (", ".join(sorted(known)) if known else "none")
        raise HTTPException(422, f"unknown query parameter {named}; {may}")
