"""Dependencies that endpoints request by type: the context, and the caller.

They are coroutines, as FastAPI runs plain functions in a thread: a hop for each, in every request.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from trackflow.context import Context
from trackflow.web.answers.problems import PROBLEMS
from trackflow.web.security.access import Caller, GuardedRoute, PlainRoute, caller


def guarded_router() -> APIRouter:
    """A router whose routes are for admins unless `access.open_to` opens them to others."""
    return APIRouter(route_class=GuardedRoute, responses=PROBLEMS)


def plain_router() -> APIRouter:
    """As `guarded_router`, for endpoints whose only parameter is the request."""
    return APIRouter(route_class=PlainRoute, responses=PROBLEMS)


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(_context)]
CallerDep = Annotated[Caller, Depends(caller)]
