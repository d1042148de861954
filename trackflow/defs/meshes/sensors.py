"""Sensors of meshes: images and requests that wait, batches, and events for Dagster's record."""

import datetime as dt
import json
from collections.abc import Iterator

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.jobs.starting import jobs_to_start, request_of
from trackflow.defs.meshes.checks import MESHES_ASSET
from trackflow.defs.meshes.events import new_events
from trackflow.defs.meshes.jobs import (
    OF_BATCH,
    PERSON,
    PRIORITY,
    TAGS,
    make_mesh_job,
    make_waiting_meshes_job,
    mesh_batch_job,
)
from trackflow.defs.meshes.ops import BatchConfig, run_mesh_batch
from trackflow.defs.meshes.partitions import images_of
from trackflow.defs.pools import set_default_limits
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import UNFINISHED
from trackflow.usecases.meshes.batching import KIND as MESH_BATCH
from trackflow.usecases.meshes.history import BEGINNING, HistoryPosition, mesh_changes
from trackflow.usecases.meshes.waiting import WaitingWork, waiting_work

FEW = 5
"""So many images get a run each; more of them are made by one run: starting a process takes longer
than a mesh."""

IMAGES_PER_TICK = 500
"""Partitions that a tick adds or deletes at most; the next ticks go on."""

EVENTS_PER_TICK = 100
"""Meshes that a tick reports at most: a tick has 60 s."""

BATCHES_AT_ONCE = 2

REQUESTED_AGAIN = dt.timedelta(minutes=10)
"""A mesh that still waits after this time gets another run: the first one may have died."""


@dg.sensor(
    name="images_sensor",
    job_name=make_mesh_job.name,  # by name: Dagster would copy the sensor, and warns as it does
    minimum_interval_seconds=10,  # a person may wait
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Looks for images that are new or have changed (the folder in "
    "TRACKFLOW_MESH_INBOX, logos of race tracks) and for requested meshes. It adds the images to "
    "the partitions of `meshes`, deletes those that are gone, and starts a run for each image if "
    "only a few wait.",
)
@tick
def images_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.SensorResult:
    """Add and delete partitions, and request runs of a few images, in one result."""
    set_default_limits(context.instance)
    with trackflow.open() as trackflow_context:
        work = waiting_work(trackflow_context)
        now = trackflow_context.clock()
    images = images_of(trackflow)
    known = set(context.instance.get_dynamic_partitions(str(images.name)))
    new = sorted(set(work.images) - known)[:IMAGES_PER_TICK]
    gone = sorted(known - set(work.images))[:IMAGES_PER_TICK] if not work.problem else []
    there = known | set(new)
    requests = [one for one in requests_of(work, now) if one.partition_key in there]
    changes: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new:
        changes.append(images.build_add_request(new))
    if gone:
        changes.append(images.build_delete_request(gone))
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=changes,
        skip_reason=None if requests else _why(work, len(new)),
    )


def requests_of(work: WaitingWork, now: dt.datetime) -> Iterator[dg.RunRequest]:
    """A run for each image, unless there are so many that one run is better.

    The key of a run is remembered for ever, so it names what the image or mesh was like.
    """
    if len(_waiting_keys(work)) > FEW:
        return
    period = int(now.timestamp() // REQUESTED_AGAIN.total_seconds())
    asked: set[str] = set()
    for mesh in work.due:
        if mesh.image_key not in asked:
            asked.add(mesh.image_key)
            run_key = f"{mesh.mesh_id} {mesh.epoch} {mesh.tries} {period}"
            yield _request(mesh.image_key, run_key, PERSON)
    for image in work.found:
        if image.image_key not in asked:
            asked.add(image.image_key)
            # an image that cannot be read stays new: once a day is enough for it
            read = "new" if image.read_at is None else image.read_at.isoformat()
            yield _request(image.image_key, f"{image.image_key} {read} {now.date()}", OF_BATCH)


def _request(image_key: str, run_key: str, priority: str) -> dg.RunRequest:
    return dg.RunRequest(run_key=run_key, partition_key=image_key, tags={PRIORITY: priority})


def _waiting_keys(work: WaitingWork) -> set[str]:
    return {*(mesh.image_key for mesh in work.due), *(image.image_key for image in work.found)}


def _why(work: WaitingWork, new: int) -> str:
    if work.problem:
        return f"{work.problem}."
    if count := len(_waiting_keys(work)):
        return f"{count:,} images wait; one run makes them together."
    return f"{new:,} new images." if new else "No image is new or has changed."


@dg.sensor(
    name="waiting_meshes_sensor",
    job_name=make_waiting_meshes_job.name,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description=f"Starts one run for all images and requested meshes that wait, when they are more "
    f"than {FEW}.",
)
@tick
def waiting_meshes_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """Request a run unless one is on its way."""
    with trackflow.open() as trackflow_context:
        count = len(_waiting_keys(waiting_work(trackflow_context)))
    if count <= FEW:
        return dg.SkipReason(f"{count:,} images wait, not more than {FEW}.")
    wanted = dg.RunsFilter(job_name=make_waiting_meshes_job.name, statuses=list(UNFINISHED))
    active = context.instance.get_runs(wanted, limit=1)
    if active:
        return dg.SkipReason(f"{count:,} images wait; run {active[0].run_id[:8]} makes them.")
    return dg.RunRequest(tags={"trackflow/images": str(count)})


@dg.sensor(
    name="mesh_batches_sensor",
    job_name=mesh_batch_job.name,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts batches of meshes that people requested, two at once at most, and resumes "
    "those whose process died.",
)
@tick
def mesh_batches_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run for each waiting batch, while there is room for it."""
    jobs = jobs_to_start(context.instance, trackflow, lambda job: job.kind == MESH_BATCH)
    if not jobs.waiting:
        return dg.SkipReason("No batch waits.")
    active = dg.RunsFilter(job_name=mesh_batch_job.name, statuses=list(UNFINISHED))
    room = BATCHES_AT_ONCE - len(context.instance.get_runs(active, limit=BATCHES_AT_ONCE))
    requests = [
        request_of(job, run_mesh_batch.name, BatchConfig(job_id=str(job.job_id)))
        for job in jobs.without_run[: max(room, 0)]
    ]
    return requests or dg.SkipReason(f"{len(jobs.waiting):,} batches wait for others to end.")


@dg.sensor(
    name="mesh_events_sensor",
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Notes on `meshes` what has become of the meshes of each image, whether a run, a "
    "command or an upload asked for them: made, with picture, numbers and checks; failed, with the "
    "reason; tried again; retired. Starts nothing.",
)
@tick
def mesh_events_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.SensorResult:
    """Report what is new, and keep the position in the history in the cursor."""
    with trackflow.open() as trackflow_context:
        changes = mesh_changes(trackflow_context, read_cursor(context.cursor), EVENTS_PER_TICK)
        changed = [*changes.ended, *changes.resting]
        key = trackflow.key(MESHES_ASSET)
        events = list(new_events(context.instance, key, trackflow_context, changed))
    return dg.SensorResult(
        asset_events=events,
        cursor=write_cursor(changes.until),
        skip_reason=f"{len(events):,} events of meshes." if events else "Nothing new.",
    )


def read_cursor(text: str | None) -> HistoryPosition:
    """The position that `write_cursor` wrote; the beginning without one."""
    if not text:
        return BEGINNING
    saved = json.loads(text)
    return HistoryPosition(dt.datetime.fromisoformat(saved["moment"]), saved["mesh_id"])


def write_cursor(position: HistoryPosition) -> str:
    """Make the cursor that `read_cursor` reads."""
    return json.dumps({"moment": position.moment.isoformat(), "mesh_id": position.mesh_id})
