"""The kinds of jobs; queues and runs jobs."""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError, RetryableError, StaleClaimError
from trackflow.geo.time import utc_text
from trackflow.logs import bound
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job, JobStatus
from trackflow.usecases.catalogue import sync
from trackflow.usecases.catalogue.alerting import with_alerts
from trackflow.usecases.catalogue.fetching import USUAL_LIMITS, FetchLimits
from trackflow.usecases.days import rebuilding
from trackflow.usecases.days.claims import message_of
from trackflow.usecases.jobs.progress import CancelledError, ClaimedJob
from trackflow.usecases.meshes import batching
from trackflow.usecases.meshes import sync as mesh_sync
from trackflow.usecases.places import address_jobs

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    Attributes:
        check: turns given parameters into stored ones, or raises an error.
        run: runs the job; returns the result.
        summary: puts the result into words.
    """

    check: Callable[[Context, Mapping[str, Any]], dict[str, Any]]
    run: Callable[[Context, ClaimedJob], dict[str, Any]]
    summary: Callable[[Mapping[str, Any]], str]


def catalogue_sync(limits: FetchLimits = USUAL_LIMITS) -> JobKind:
    """Syncs that are as patient with their source as this."""
    return JobKind(sync.check_sync, with_alerts(partial(sync.sync, limits=limits)), sync.summary)


def rebuild(slice_batches: int = rebuilding.SLICE_BATCHES) -> JobKind:
    """Rebuilds in slices of so many batches, or of one day."""
    run = partial(rebuilding.rebuild, slice_batches=slice_batches)
    return JobKind(rebuilding.check_rebuild, run, rebuilding.summary)


KINDS = {
    "rebuild": rebuild(),
    "catalogue_sync": catalogue_sync(),
    batching.KIND: JobKind(batching.check_batch, batching.run_batch, batching.summary),
    mesh_sync.KIND: JobKind(mesh_sync.check_sync, mesh_sync.run_sync, mesh_sync.summary),
    address_jobs.KIND: JobKind(address_jobs.check, address_jobs.run, address_jobs.summary),
}


def queue_job(context: Context, kind: str, parameters: Mapping[str, Any]) -> Job:
    """Queue a job; a service or `trackflow jobs resume` runs it.

    Raises:
        BadInputError: there is no such kind, or its parameters make no sense.
    """
    if kind not in KINDS:
        raise BadInputError(f"there is no kind of job {kind!r}; there are {', '.join(KINDS)}")
    checked = KINDS[kind].check(context, parameters)
    with context.store.write() as connection:
        return jobs.create(connection, kind, checked, context.clock())


def run_job(
    context: Context,
    job_id: uuid.UUID,
    *,
    dagster_run_id: str | None = None,
    on_change: Callable[[Job], None] = lambda _: None,
    kinds: Mapping[str, JobKind] = KINDS,
) -> Job | None:
    """Run a job until it ends; None if another worker runs it, or it has ended before.

    Args:
        context: the store and engines.
        job_id: the job.
        dagster_run_id: of the current Dagster run; None outside Dagster.
        on_change: called with the job as often as its progress changes.
        kinds: of jobs, by name.

    Raises:
        NotFoundError: there is no such job.
        RetryableError: the database went away. The next worker resumes the job.
    """
    with context.store.write() as connection:
        jobs.read_job(connection, job_id)
        job = jobs.claim(
            connection,
            job_id,
            context.settings.max_tries,
            context.clock(),
            dagster_run_id=dagster_run_id,
        )
    if job is None:
        return None
    claimed = ClaimedJob(context.store, context.clock, job, on_change)
    with bound(job_id=str(job_id), run_id=dagster_run_id):
        log.info("the job begins: %s", job.kind)
        try:
            ended = _run(context, claimed, kinds)
        except StaleClaimError as error:
            log.warning("%s", error)
            return None
        log.info("the job has ended: %s", ended.status.value)
        return ended


def _run(context: Context, claimed: ClaimedJob, kinds: Mapping[str, JobKind]) -> Job:
    kind = kinds.get(claimed.job.kind)
    try:
        if kind is None:
            raise BadInputError(
                f"this trackflow knows no jobs of kind {claimed.job.kind!r}: update it"
            )
        result = kind.run(context, claimed)
    except CancelledError:
        return _end(context, claimed, JobStatus.CANCELLED)
    except RetryableError:
        raise
    except Exception as error:  # noqa: BLE001  a person must see the reason
        return _end(context, claimed, JobStatus.FAILED, error=message_of(error))
    if claimed.job.status is not JobStatus.RUNNING:  # it has ended in the transaction of its work
        return claimed.job
    message = kind.summary(result)
    total = claimed.job.total or 0
    return _end(
        context,
        claimed,
        JobStatus.COMPLETED,
        result=result,
        message=message,
        completed=total,
        total=total,
    )


def _end(context: Context, claimed: ClaimedJob, status: JobStatus, **values: Any) -> Job:
    with context.store.write() as connection:
        return jobs.end(connection, claimed.job, status, context.clock(), **values)


def as_dict(job: Job, dagster_url: str = "") -> dict[str, Any]:
    """A job as JSON for programs and the map page.

    Args:
        job: the job.
        dagster_url: address of Dagster's web server, for a link to the job's run; empty for none.
    """
    run_id = job.dagster_run_id
    times = {
        name: utc_text(getattr(job, name))
        for name in ("created_at", "started_at", "finished_at", "heartbeat_at")
    }
    return {
        "job_id": str(job.job_id),
        "kind": job.kind,
        "status": job.status.value,
        "total": job.total,
        "completed": job.completed,
        "failed": job.failed,
        "message": job.message,
        "seconds_left": job.seconds_left,
        "parameters": job.parameters,
        "result": job.result,
        "error": job.error,
        "cancel_requested": job.cancel_requested,
        "run_id": run_id,
        "run_url": f"{dagster_url}/runs/{run_id}" if dagster_url and run_id else None,
        **times,
    }
