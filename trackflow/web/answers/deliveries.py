"""What the clients of deliveries get as an answer, each what it expects."""

from typing import Annotated, Literal, TypedDict

import orjson
from fastapi import Response
from pydantic import Field

from trackflow.usecases.intake.receiving import ReceptionCounts
from trackflow.web.answers.describing import Answers, described, shows
from trackflow.web.answers.problems import problems
from trackflow.web.answers.sending import JSON

Nothing = Annotated[list[str], Field(max_length=0)]
"""An empty list."""


@described
class OverlandAnswer(TypedDict):
    """The app deletes the batch."""

    result: Literal["ok"]


@described
class AdmissionAnswer(TypedDict):
    """The counts of a delivery; the first three add up to what was sent."""

    accepted: int
    """New positions."""
    repeated: int
    """Positions that were known."""
    refused: int
    """Inputs that went into quarantine."""
    reasons: dict[str, int]
    """Number of refused inputs by reason."""


@described
class PhoneTrackAnswer(TypedDict):
    """The answer that PhoneTrack expects."""

    done: Literal[1]
    friends: Nothing


@described
class HomeAssistantAnswer(TypedDict):
    """An object without fields, which Home Assistant expects."""


def _json(value: object) -> Response:
    """A value as JSON, without an ETag: it answers a change."""
    return Response(orjson.dumps(value), media_type=JSON)


def counts_answer(counts: ReceptionCounts) -> Response:
    """The counts of a delivery."""
    content: AdmissionAnswer = {
        "accepted": counts.accepted,
        "repeated": counts.repeated,
        "refused": counts.refused,
        "reasons": counts.reasons,
    }
    return _json(content)


EMPTY = Response()
NO_MESSAGES = _json([])
RESULT_OK = _json({"result": "ok"})
TO_PHONETRACK = _json({"done": 1, "friends": []})
TO_HOME_ASSISTANT = _json({})

_ERRORS = problems(
    {
        400: "The request broke off.",
        408: "The body took too long to arrive; send it again.",
        413: "Too large, or too many positions at a time: send them in parts.",
        415: "The body is compressed in another way than gzip.",
        503: "The database is away: send it again. Nothing is stored twice.",
        507: "There is no room to keep what cannot be read: it is not stored.",
    }
)
_COUNTS: AdmissionAnswer = {
    "accepted": 2, "repeated": 0, "refused": 1, "reasons": {"no_time": 1},
}  # fmt: skip

OWNTRACKS: Answers = _ERRORS | shows(Nothing, [], text="Stored; there are no messages for the app.")
OVERLAND: Answers = _ERRORS | shows(
    OverlandAnswer, {"result": "ok"}, text="Stored; the app deletes the batch."
)
COUNTS: Answers = _ERRORS | shows(AdmissionAnswer, _COUNTS, text="Stored, but for what is refused.")
PHONETRACK: Answers = _ERRORS | shows(
    PhoneTrackAnswer, {"done": 1, "friends": []}, text="Stored; there are no friends to show."
)
HOME_ASSISTANT: Answers = _ERRORS | shows(HomeAssistantAnswer, {}, text="Stored.")
NOTHING: Answers = _ERRORS | {
    200: {"description": "Stored; the answer is empty, or `{}` to Home Assistant's webhook."}
}
