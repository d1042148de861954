"""The state of each sender."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, TypedDict

from trackflow.usecases.intake.quarantine import SenderState
from trackflow.web.answers.describing import described, shows


@described
class SenderEntry(TypedDict):
    """The state of a sender."""

    sender: str
    """A live sender, or `files` for imports."""
    last_report_at: dt.datetime | None
    """When it last sent anything, UTC."""
    last_points_at: dt.datetime | None
    """When it last brought points, known ones or new, UTC."""
    refused: dict[str, int]
    """Number of inputs in quarantine by reason."""
    size_bytes: int
    """Size of these inputs."""
    last_error_at: dt.datetime | None
    """When the last of them arrived, UTC."""
    last_error: str
    """Its reason."""
    advice: str
    """What to set right; empty where that is not known."""


@described
class SendersAnswer(TypedDict):
    """All senders that have reported, or whose input is in quarantine."""

    senders: list[SenderEntry]


def senders_answer(states: Iterable[SenderState]) -> dict[str, Any]:
    """All senders, as `SendersAnswer`."""
    return {"senders": [asdict(state) for state in states]}


_AT = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_STATE = SenderState(
    "owntracks", _AT, _AT, {"no_time": 3}, 412, _AT, "no_time", "the app sends no times: update it"
)

SENDERS = shows(SendersAnswer, senders_answer([_STATE]))
