"""The progress of a job in the log of its run."""

import dagster as dg

from trackflow.defs.errors import StepError
from trackflow.usecases.jobs.control import Job, JobStatus


class LoggedProgress:
    """Logs the progress of a job in tenths.

    In some kinds of jobs `completed` counts what has failed as well; in others it does not, and
    `adds_failed` says so.
    """

    def __init__(self, context: dg.OpExecutionContext, *, adds_failed: bool = False) -> None:
        self._context = context
        self._adds_failed = adds_failed
        self._logged = 0

    def __call__(self, job: Job) -> None:
        """Log the progress if another tenth is done."""
        done = job.completed + (job.failed if self._adds_failed else 0)
        tenth = done * 10 // job.total if job.total else 0
        if tenth > self._logged:
            self._logged = tenth
            failed = f", {job.failed:,} failed" if job.failed else ""
            self._context.log.info(f"{done:,} of {job.total:,}{failed}: {job.message or ''}")


def raise_if_failed(context: dg.OpExecutionContext, done: Job) -> None:
    """Log how a job has ended.

    Raises:
        StepError: it has failed.
    """
    context.log.info(f"{done.kind}: {done.status.value}. {done.message or ''}")
    if done.status is JobStatus.FAILED:
        raise StepError(done.error or "the job failed")
