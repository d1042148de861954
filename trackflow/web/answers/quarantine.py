"""Refused input: the newest, one of them whole, and what reading it again has given."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypedDict

from trackflow.usecases.intake.quarantine import QuarantinedInput, RetryReport
from trackflow.web.answers.describing import described, shows


@described
class RefusedInput(TypedDict):
    """An input that was refused, without the input itself."""

    id: str
    sender: str
    """A live sender, or `files` for what was imported."""
    device_id: str | None
    """Null where none could be read."""
    reason: str
    where: str
    """The protocol or file, and the place in it."""
    received_at: dt.datetime


@described
class QuarantineAnswer(TypedDict):
    """Refused input."""

    refused: list[RefusedInput]
    """The newest first."""


@described
class RefusedContent(RefusedInput):
    """An input that was refused, whole."""

    advice: str
    """What to set right; empty where that is not known."""
    envelope: dict[str, Any] | None
    """The request without its body; null for files."""
    raw: str
    """Its text."""
    body: str | None
    """Its bytes in base64, where they differ from the text in UTF-8."""


@described
class RetryAnswer(TypedDict):
    """What reading refused input again has given."""

    read_again: int
    taken_out: int
    """Those that have left the quarantine."""
    still_refused: dict[str, int]
    """By reason."""
    not_kept_whole: int
    """Those that cannot be read again: their file can be imported again."""
    points_added: int


@described
class DeletedAnswer(TypedDict):
    """How many refused inputs were deleted."""

    deleted: int


def refused_answer(found: Sequence[QuarantinedInput]) -> QuarantineAnswer:
    """Refused input."""
    return {"refused": [_entry(one) for one in found]}


def retry_answer(report: RetryReport) -> RetryAnswer:
    """What reading again has given."""
    return {
        "read_again": report.read_again,
        "taken_out": report.taken_out,
        "still_refused": dict(report.still_refused),
        "not_kept_whole": report.not_kept_whole,
        "points_added": report.accepted.added,
    }


def _entry(one: QuarantinedInput) -> RefusedInput:
    return {
        "id": one.id,
        "sender": one.sender,
        "device_id": one.device_id,
        "reason": one.reason,
        "where": one.where,
        "received_at": one.received_at,
    }


_ONE = QuarantinedInput(
    *("3f9a1c", "osmand", "anna", "no_time", "osmand"),
    dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC),
)
_WHOLE: RefusedContent = {
    **_entry(_ONE),
    "advice": "send the time of the fix",
    "envelope": {"endpoint": "osmand"},
    "raw": "id=anna&lat=60.17&lon=24.94",
    "body": None,
}

REFUSED = shows(QuarantineAnswer, refused_answer([_ONE]))
WHOLE = shows(RefusedContent, _WHOLE)
RETRIED = shows(RetryAnswer, retry_answer(RetryReport(read_again=1, taken_out=1)))
DELETED = shows(DeletedAnswer, {"deleted": 1})
