"""Errors as answers: JSON with what is wrong, in words."""

from collections.abc import Mapping

import orjson
from fastapi import Response

from trackflow.web.answers.describing import Answers
from trackflow.web.answers.sending import JSON

SCHEMA = {
    "type": "object",
    "properties": {"error": {"type": "string", "description": "What is wrong, and what to do."}},
    "required": ["error"],
}
"""Not a model: FastAPI would make one anew for each status of each route, which takes a while."""


def problems(texts: Mapping[int, str]) -> Answers:
    """The description of errors: what each status means."""
    return {
        status: {"description": text, "content": {JSON: {"schema": SCHEMA}}}
        for status, text in texts.items()
    }


PROBLEMS = problems(
    {
        400: "What was asked for makes no sense; the message says what to change",
        401: "There is no token, or not one in use",
        403: "The token is for something else",
        404: "It is not there",
        410: "It was there once; the message says what became of it",
        422: "A parameter is missing or of the wrong kind",
        429: "Too many wrong tokens came from this address: Retry-After says how long to wait",
        503: "The database is away or takes no writes: ask again later",
    }
)
"""Errors of any route."""


def problem(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """Make the JSON answer of an error."""
    body = orjson.dumps({"error": message})
    return Response(body, status, headers, media_type=JSON)
