"""Stops a batch or a sync from outside: its process ends, and nothing brings it back unasked."""

import time
import uuid

from trackflow.context import Context
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job
from trackflow.store.meshes import batches, meshes
from trackflow.store.meshes.meshes import MeshStatus

GRACE_S = 10.0
"""How long the workers of a broken-off batch have to give back what they are at."""

_CHECK_EVERY_S = 0.1


def stop_batch_here(context: Context, job_id: uuid.UUID) -> Job:
    """Cancel a job that this process has broken off, its batch and the meshes that have not ended.

    `trackflow jobs resume` goes on with it.

    Raises:
        NotFoundError: there is no such job.
    """
    with context.store.write() as connection:
        job = jobs.stop_here(connection, job_id, context.clock())
        batch = batches.find_batch(connection, job_id)
        if batch is None or batch.status != "running":
            return job
        now = context.clock()
        meshes.cancel_batch(connection, job_id, now)
        batches.change_batch(connection, job_id, status="cancelled", finished_at=now)
    # a worker that gives its mesh back in this moment would leave it waiting
    _wait_for_workers(context, job_id)
    with context.store.write() as connection:
        meshes.cancel_batch(connection, job_id, context.clock())
    return job


def _wait_for_workers(context: Context, batch_id: uuid.UUID) -> None:
    until_s = time.monotonic() + GRACE_S
    while time.monotonic() < until_s:
        with context.store.read() as connection:
            if not meshes.count_by_status(connection, batch_id).get(MeshStatus.RUNNING):
                return
        time.sleep(_CHECK_EVERY_S)
