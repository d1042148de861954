"""Turns errors into answers: one form for every route of every app."""

import math

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from trackflow.errors import (
    AccessError,
    ChangedMeanwhileError,
    GoneError,
    NotFoundError,
    QuarantineFullError,
    RetryableError,
    StoreUnavailableError,
    TrackflowError,
    UnreadableBookError,
)
from trackflow.web.answers.problems import problem
from trackflow.web.security.access import NoTokenError, TooManyGuessesError
from trackflow.web.security.refusing import language_of, refused_page, wants_page


def add_problems(app: FastAPI) -> None:
    """Let an application answer errors in this form."""
    app.add_exception_handler(TrackflowError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)


async def refused(request: Request, error: Exception) -> Response:
    """Answer an error of trackflow, by what the sender can do."""
    message = str(error)
    match error:
        case NoTokenError():
            status, headers = 401, {"WWW-Authenticate": "Bearer"}
            if isinstance(error, TooManyGuessesError):
                status, headers = 429, {"Retry-After": str(math.ceil(error.wait_s))}
            if wants_page(request):
                return refused_page(status, message, headers, language_of(request))
            return problem(status, message, headers)
        case AccessError():
            return problem(403, message)
        case GoneError():
            return problem(410, message)
        case NotFoundError():
            return problem(404, message)
        case UnreadableBookError() | ChangedMeanwhileError():
            return problem(409, message)
        case QuarantineFullError():
            return problem(507, message)
        case StoreUnavailableError():
            return problem(503, error.outward, {"Retry-After": "10"})
        case RetryableError():
            return problem(503, message, {"Retry-After": "10"})
        case _:
            return problem(400, message)


async def http_error(request: Request, error: Exception) -> Response:
    """Answer an error of HTTP itself, such as a path that is not there."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = ", ".join(_methods_at(request))
        return problem(
            405, f"{request.method} is not possible here, but {allowed}", {"Allow": allowed}
        )
    return problem(error.status_code, str(error.detail), dict(error.headers or {}))


def _methods_at(request: Request) -> list[str]:
    """The methods of all routes of a path: the router itself names those of the first one only."""
    routes = [one for one in request.app.routes if one.matches(request.scope)[0] is not Match.NONE]
    found = {method for one in routes for method in getattr(one, "methods", None) or ()}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


async def invalid(_: Request, error: Exception) -> Response:
    """Answer a request whose parameters are missing or of the wrong kind."""
    assert isinstance(error, RequestValidationError)
    # the field and the reason, but not the value: it may be a position or a token
    messages = [f"{'.'.join(str(x) for x in e['loc'])}: {e['msg']}" for e in error.errors()[:5]]
    return problem(422, "; ".join(messages))
