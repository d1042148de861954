"""Runs a job in the process of a command."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trackflow.cli.common import progress_bar
from trackflow.errors import TrackflowError

if TYPE_CHECKING:
    from trackflow.context import Context
    from trackflow.usecases.jobs.control import Job


def run_here(
    context: "Context", job: "Job", items: str, done_of: Callable[["Job"], int]
) -> "Job | None":
    """Run a job to its end, with a progress bar; None if another worker has it.

    Args:
        context: the store and engines.
        job: that waits.
        items: what the bar counts, such as "batches".
        done_of: how many of them are done.

    Raises:
        TrackflowError: a person has broken it off; no worker resumes it without a request.
    """
    from trackflow.usecases.jobs.control import stop_job_here
    from trackflow.usecases.jobs.kinds import run_job

    with progress_bar(items) as progress:

        def show_progress(now: "Job") -> None:
            if now.total is not None:
                progress(now.kind, done_of(now), now.total)

        try:
            return run_job(context, job.job_id, on_change=show_progress)
        except KeyboardInterrupt:
            stop_job_here(context, job.job_id)
            raise TrackflowError(f"stopped; `trackflow jobs resume {job.job_id}` goes on") from None
