"""The job "mesh_batch": meshes of many images, with live counts of completed and failed ones.

The meshes are rows of the queue, made like any other. The job makes them here and waits for those
that other workers have or that rest before their next try.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError, StaleClaimError, StoreUnavailableError
from trackflow.meshes.json_values import parameter_values
from trackflow.meshes.parameter_checks import checked_parameters, hash_of
from trackflow.store.database import Connection
from trackflow.store.jobs.jobs import JobStatus
from trackflow.store.meshes import batches, images, meshes
from trackflow.store.meshes.images import MeshImage
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.days.report import counted
from trackflow.usecases.jobs.progress import CancelledError, ClaimedJob
from trackflow.usecases.meshes import notices
from trackflow.usecases.meshes.requests import BATCH, MeshRequest, mesh_values, save_image
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import MeshTools, opened_tools

MOST_IMAGES = 10_000

CHECK_EVERY_S = 0.5
"""How often a job looks after meshes that rest or that other workers have."""

KIND = "mesh_batch"


def check_batch(context: Context, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters; returns them as they are stored.

    Images are keys of known ones, or addresses on the web; addresses become known here.

    Raises:
        BadInputError: there is no image, or the parameters make no sense.
        NotFoundError: there is no image of a key.
    """
    given = parameters.get("images")
    if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
        raise BadInputError("images is a list of image keys or addresses")
    if len(given) > MOST_IMAGES:
        raise BadInputError(f"a batch has at most {MOST_IMAGES:,} images; this has {len(given):,}")
    asked = parameter_values(checked_parameters(parameters.get("parameters") or {}))
    project, user_name = parameters.get("project"), parameters.get("user")
    keys = []
    for image in dict.fromkeys(given):
        if image.startswith(("http://", "https://")):
            request = MeshRequest(
                image_url=image, parameters=asked, project=project, user_name=user_name
            )
            keys.append(save_image(context, request))
        else:
            keys.append(image)
    with context.store.read() as connection:
        for key in keys:
            images.read_image(connection, key)
    return {"images": keys, "parameters": asked, "project": project, "user": user_name}


def run_batch(context: Context, claimed: ClaimedJob) -> dict[str, Any]:
    """Make all meshes of the batch, from where the job stopped; returns its result.

    Raises:
        CancelledError: a person has cancelled the job.
        StaleClaimError: another worker has taken the job over.
    """
    with opened_tools(context) as tools:
        return run_batch_with(context, claimed, tools)


def run_batch_with(context: Context, claimed: ClaimedJob, tools: MeshTools) -> dict[str, Any]:
    """As `run_batch`, with these tools."""
    _queue(context, claimed)
    return work_on(context, claimed, tools, summary)


def summary(result: Mapping[str, Any]) -> str:
    """The result in words, for people."""
    parts = [f"{counted(result.get('completed', 0), 'mesh', 'meshes')} made"]
    parts += [f"{result[name]:,} {name}" for name in ("failed", "cancelled") if result.get(name)]
    return ", ".join(parts)


def _queue(context: Context, claimed: ClaimedJob) -> None:
    """Queue the meshes of the batch; again, those that were cancelled with it."""
    job = claimed.job
    parameters = checked_parameters(job.parameters["parameters"])
    asked, parameters_hash = parameter_values(parameters), hash_of(parameters)
    keys = list(job.parameters["images"])
    project, user_name = job.parameters.get("project"), job.parameters.get("user")
    with context.store.write() as connection:
        batches.add_batch(
            connection,
            job.job_id,
            KIND,
            context.clock(),
            project=project,
            user_name=user_name,
            total=len(keys),
        )
        wanted = [
            (images.read_image(connection, key), asked, parameters_hash, BATCH) for key in keys
        ]
        queue_meshes(context, connection, job.job_id, wanted, project, user_name)
        begin(connection, claimed, len(keys))


type WantedMesh = tuple[MeshImage, Mapping[str, Any], str, int]
"""An image, the parameters of its mesh, their hash, and its priority."""


def queue_meshes(
    context: Context,
    connection: Connection,
    batch_id: uuid.UUID,
    wanted: Sequence[WantedMesh],
    project: str | None = None,
    user_name: str | None = None,
) -> None:
    """Queue meshes of a batch; those that are queued already stay.

    Args:
        context: for the time.
        connection: in a transaction for writing.
        batch_id: of the batch.
        wanted: what is made.
        project: that they belong to; by default that of each image.
        user_name: of the person who asks.
    """
    for image, asked, parameters_hash, priority in wanted:
        values = mesh_values(image, asked, parameters_hash) | {
            # the same in each run of the job, so that a resumed one queues nothing twice
            "mesh_id": str(uuid.uuid5(batch_id, f"{image.image_key}\n{parameters_hash}")),
            "priority": priority,
            "batch_id": batch_id,
            "project": project or image.project,
            "user_name": user_name or image.user_name,
            "created_at": context.clock(),
        }
        meshes.add_mesh(connection, values)


def begin(connection: Connection, claimed: ClaimedJob, total: int) -> None:
    """Note the number of meshes; queue those again that were cancelled with the batch."""
    meshes.resume_batch(connection, claimed.job.job_id)
    batches.change_batch(
        connection, claimed.job.job_id, status="running", total=total, finished_at=None
    )
    claimed.advance(connection, claimed.job.completed, total=total, message="making meshes")


def work_on(
    context: Context,
    claimed: ClaimedJob,
    tools: MeshTools,
    describe: Callable[[Mapping[str, Any]], str],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the meshes of a batch until all have ended; returns the result.

    Args:
        context: the store and settings.
        claimed: the job, whose id is that of the batch.
        tools: the generator, the storage and the way to addresses.
        describe: puts the result into words.
        more: further entries of the result.

    Raises:
        CancelledError: a person has cancelled the job.
        StaleClaimError: another worker has taken the job over.
    """
    watch = _JobWatch(context, claimed)
    watch.count()
    while True:
        run_due_meshes(
            context,
            tools.generator,
            batch_id=claimed.job.job_id,
            fetch=tools.fetch,
            stop=watch,
            on_mesh=watch.on_mesh,
            on_beat=lambda _mesh, _share, _step: watch.beat(),
        )
        watch.check()
        counts = watch.count()
        if counts.get(MeshStatus.QUEUED, 0) + counts.get(MeshStatus.RUNNING, 0) == 0:
            result = {**_counted(counts), **(more or {})}
            return _end(context, claimed, result, describe(result))
        time.sleep(CHECK_EVERY_S)
        watch.beat()


def _end(
    context: Context,
    claimed: ClaimedJob,
    result: dict[str, Any],
    message: str,
) -> dict[str, Any]:
    """End the batch and its job in one transaction, then send the message about it."""
    now = context.clock()
    with context.store.write() as connection:
        batches.change_batch(
            connection,
            claimed.job.job_id,
            status="completed",
            completed=result["completed"],
            failed=result["failed"],
            finished_at=now,
        )
        claimed.end(
            connection,
            JobStatus.COMPLETED,
            completed=result["completed"],
            failed=result["failed"],
            result=result,
            message=message,
        )
    claimed.notify()
    notices.send_due(context)
    return result


def _counted(counts: Mapping[MeshStatus, int]) -> dict[str, Any]:
    return {
        "completed": done_of(counts),
        "failed": counts.get(MeshStatus.FAILED, 0),
        "cancelled": counts.get(MeshStatus.CANCELLED, 0),
    }


def done_of(counts: Mapping[MeshStatus, int]) -> int:
    """Meshes that were made; one that another has replaced since was made too."""
    return counts.get(MeshStatus.COMPLETED, 0) + counts.get(MeshStatus.RETIRED, 0)


@dataclass(slots=True, eq=False)
class _JobWatch:
    """Keeps the job's progress and signs of life, from the threads that make meshes.

    It is the event that ends the run: a person has cancelled the job, or another worker has it.
    """

    context: Context
    claimed: ClaimedJob
    error: Exception | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_set(self) -> bool:
        """Whether to stop."""
        return self.error is not None or self.claimed.job.cancel_requested

    def count(self) -> dict[MeshStatus, int]:
        """Write how many meshes have ended; returns how many have each status."""
        batch_id = self.claimed.job.job_id
        with self._lock, self._kept(), self.context.store.write() as connection:
            counts = meshes.count_by_status(connection, batch_id)
            done = done_of(counts)
            failed = counts.get(MeshStatus.FAILED, 0)
            if (done, failed) != (self.claimed.job.completed, self.claimed.job.failed):
                self.claimed.advance(connection, done, failed=failed)
            return counts

    def on_mesh(self, _mesh: Mesh, _status: MeshStatus | None) -> None:
        """Count after each mesh."""
        self.count()

    def beat(self) -> None:
        """Give a sign of life, once a second at most."""
        with self._lock, self._kept():
            self.claimed.beat(self.claimed.job.completed)

    def check(self) -> None:
        """Raise what the threads have met.

        Raises:
            StaleClaimError: another worker has taken the job over.
            CancelledError: a person has cancelled it; its meshes are cancelled then.
        """
        self.claimed.notify()
        if self.error is not None:
            raise self.error
        if self.claimed.job.cancel_requested:
            with self.context.store.write() as connection:
                meshes.cancel_batch(connection, self.claimed.job.job_id, self.context.clock())
                batches.change_batch(
                    connection,
                    self.claimed.job.job_id,
                    status="cancelled",
                    finished_at=self.context.clock(),
                )
            raise CancelledError("cancelled")

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep an error for the job's own thread, and let it pass."""
        try:
            yield
        except (StaleClaimError, StoreUnavailableError) as error:
            self.error = error
            raise
