"""Notifies people of a failed run, by the addresses in `TRACKFLOW_NOTIFY_URLS`."""

from dataclasses import dataclass

from trackflow.notifications.notifier import notifier_of
from trackflow.settings import Settings

MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class RunFailure:
    """A run that has failed.

    Attributes:
        run_id: its id.
        job: name of its job.
        days: the days that it processed, or its partition; empty if none.
        reasons: why, one text for each step that failed.
    """

    run_id: str
    job: str
    days: str
    reasons: tuple[str, ...]


def notify_of_failure(settings: Settings, failure: RunFailure) -> None:
    """Send a message; nothing happens where no address is set."""
    notifier_of(settings).send(title_of(failure), text_of(failure))


def title_of(failure: RunFailure) -> str:
    """The title of the message, one line."""
    days = f" of {failure.days}" if failure.days else ""
    return f"trackflow: the run {failure.job}{days} has failed"


def text_of(failure: RunFailure) -> str:
    """The body of the message: the reasons, and where to look."""
    reasons = [f"- {reason}" for reason in failure.reasons[:MOST_REASONS]]
    more = len(failure.reasons) - MOST_REASONS
    if more > 0:
        reasons.append(f"- and {more} more")
    where = f"Run {failure.run_id[:8]} in the Dagster UI shows the rest."
    return "\n".join([*reasons, "", where])
