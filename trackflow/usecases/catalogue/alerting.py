"""Notifies people of syncs that fail or need a decision.

Such a sync fails, is stopped by a guard, waits for an approval, takes too long, or could not read
so many pages that the site itself must have changed.

Every sync passes here, however it was started. A cancelled sync needs no message: a person
cancelled it. A sync whose database went away goes on later.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trackflow.context import Context
from trackflow.errors import RetryableError
from trackflow.notifications.notifier import Notifier, notifier_of
from trackflow.usecases.catalogue.report import SyncOutcome, SyncReport
from trackflow.usecases.days.claims import message_of
from trackflow.usecases.jobs.progress import CancelledError, ClaimedJob

type Run = Callable[[Context, ClaimedJob], dict[str, Any]]
"""Runs a claimed job; returns its result."""

TITLES: Mapping[str, str] = {
    SyncOutcome.FAILED: "The catalogue sync of {} has failed",
    SyncOutcome.REFUSED: "The catalogue sync of {} was refused: nothing is changed",
    SyncOutcome.STOPPED_FOR_APPROVAL: "The catalogue sync of {} waits for an approval",
}

MANY_PAGES_FAILED = "The catalogue sync of {} could not read many of its pages"


def with_alerts(run: Run) -> Run:
    """Wrap the work of a sync so that it notifies people of trouble."""

    def with_notices(context: Context, claimed: ClaimedJob) -> dict[str, Any]:
        notifier = notifier_of(context.settings)
        source = str(claimed.job.parameters.get("source", "a source"))
        with _timed(notifier, source, claimed, context.settings.catalogue_limit_s):
            try:
                result = run(context, claimed)
            except (CancelledError, RetryableError):
                raise
            except Exception as error:
                notifier.send(TITLES[SyncOutcome.FAILED].format(source), message_of(error))
                raise
        report = SyncReport.from_dict(result)
        if report.outcome in TITLES:
            notifier.send(TITLES[report.outcome].format(source), report.to_markdown())
        elif report.alarms:
            notifier.send(MANY_PAGES_FAILED.format(source), report.to_markdown())
        return result

    return with_notices


@contextmanager
def _timed(notifier: Notifier, source: str, claimed: ClaimedJob, limit_s: float) -> Iterator[None]:
    """Notify people once if the sync still runs after its limit."""
    text = (
        f"It has been running for {limit_s / 60:,.0f} minutes and goes on. "
        f"`trackflow jobs cancel {claimed.job.job_id}` stops it."
    )
    title = f"The catalogue sync of {source} takes longer than it should"
    timer = threading.Timer(limit_s, notifier.send, (title, text))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
