"""Why a track's own page gave nothing, as a record for reports and the store."""

from dataclasses import dataclass
from typing import Any

from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.item_results import ItemResult
from trackflow.errors import SourceError, StoppedError, TrackflowError

MOST_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """One track that failed; it keeps what was known of it.

    Attributes:
        slug: of the track.
        kind: what failed, in a word or two: "network", "busy", "missing page", "refused",
            "redirect", "structure", "deadline", "stopped" (not done, no failure), "internal"
            (a fault of ours).
        message: in words.
        retryable: whether another try may go well.
        seconds: that were spent on it.
        tries: 0 if it was not begun.
    """

    slug: str
    kind: str
    message: str
    retryable: bool
    seconds: float
    tries: int


def failure_of(slug: str, outcome: ItemResult[Any, Any]) -> Failure | None:
    """The record of an outcome's error, None if it went well."""
    error = outcome.error
    if error is None:
        return None
    kind, message = "internal", f"{type(error).__name__}: {error}"
    if isinstance(error, TrackflowError):
        message = str(error)
    if isinstance(error, SourceError):
        kind = error.kind
    elif isinstance(error, TooLateError):
        kind = "deadline"
    elif isinstance(error, StoppedError):
        kind = "stopped"
    retryable = kind == "stopped" or (isinstance(error, TrackflowError) and error.retryable)
    shown = message[:MOST_CHARACTERS]
    return Failure(slug, kind, shown, retryable, round(outcome.seconds, 3), outcome.tries)
