"""Makes the meshes of one image: those that were requested, and the one that is asked of it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.errors import NotFoundError
from trackflow.store.meshes import images
from trackflow.store.meshes.images import MeshImage
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.meshes.control import (
    MOST_LISTED,
    cancel_mesh,
    files_of_mesh,
    list_meshes,
    read_mesh,
    retry_meshes,
)
from trackflow.usecases.meshes.finding import find_images
from trackflow.usecases.meshes.requests import SYNC, MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import MeshTools

MOST_MISSING = 10
"""Images that an error names."""


@dataclass(frozen=True, slots=True)
class ImageMeshes:
    """The meshes of an image after a run.

    Attributes:
        image_key: of the image.
        wanted: the mesh that is asked of the image; it may have failed, or wait.
        others: meshes with other parameters that waited as well.
    """

    image_key: str
    wanted: Mesh
    others: list[Mesh] = field(default_factory=list)


def make_image_meshes(
    context: Context,
    tools: MeshTools,
    image_keys: Sequence[str],
    on_done: Callable[[ImageMeshes], None],
    stop: Stop | None = None,
) -> None:
    """Make the meshes of some images, several at once; what is there already is not made again.

    Args:
        context: the store and settings.
        tools: the generator, the storage and the way to addresses.
        image_keys: of the images.
        on_done: called in this thread with each image's meshes, in the order of the keys.
        stop: ends the run; meshes under way wait again then.

    Raises:
        NotFoundError: there is no image of some keys. The meshes of all others are made.
        StoreUnavailableError: the database went away.
    """
    find_images(context, tools.fetch)
    stop = stop or threading.Event()

    def made(image_key: str, _deadline: Deadline) -> ImageMeshes:
        return _made(context, tools, image_key, stop)

    missing = []
    workers = context.settings.mesh_workers
    context.services.show()
    for result in Processor(workers, name="meshes").run(image_keys, made):
        if isinstance(result.error, NotFoundError):
            missing.append(str(result.error))
        else:
            on_done(result.result())
    if missing:
        raise NotFoundError("; ".join(missing[:MOST_MISSING]))


def _made(context: Context, tools: MeshTools, image_key: str, stop: Stop) -> ImageMeshes:
    with context.store.read() as connection:
        image = images.read_image(connection, image_key)
    if image.gone_at is not None:
        raise NotFoundError(
            f"the image {image_key} is gone from where it came from; a sync retires its meshes"
        )
    wanted = _wanted(context, tools, image)
    queued = _of_image(context, image, MeshStatus.QUEUED)
    for mesh in sorted(queued, key=lambda mesh: (mesh.priority, mesh.created_at)):
        run_due_meshes(context, tools.generator, mesh_id=mesh.mesh_id, fetch=tools.fetch, stop=stop)
    others = [mesh.mesh_id for mesh in queued if mesh.mesh_id != wanted.mesh_id]
    return ImageMeshes(
        image_key,
        read_mesh(context, wanted.mesh_id),
        [read_mesh(context, mesh_id) for mesh_id in others],
    )


def _wanted(context: Context, tools: MeshTools, image: MeshImage) -> Mesh:
    """The mesh that is asked of an image: as it is, or queued."""
    version = tools.generator.version
    for mesh in _of_image(context, image, MeshStatus.COMPLETED):
        is_current = (mesh.content_hash, mesh.generator_version) == (image.content_hash, version)
        if is_current and _has_files(context, tools, mesh):
            return mesh
    for mesh in _of_image(context, image, MeshStatus.FAILED, MeshStatus.CANCELLED):
        if mesh.content_hash in (None, image.content_hash):
            return retry_meshes(context, [mesh.mesh_id])[0]
    request = MeshRequest(
        image_key=image.image_key, parameters=image.parameters, priority=SYNC, wants_notice=False
    )
    return request_mesh(context, request)


def _of_image(context: Context, image: MeshImage, *statuses: MeshStatus) -> list[Mesh]:
    """Meshes with one of these statuses; queued ones with any parameters, else with the image's."""
    found = list_meshes(context, statuses=statuses, image_key=image.image_key, limit=MOST_LISTED)
    if MeshStatus.QUEUED in statuses:
        return found
    return [mesh for mesh in found if mesh.parameters_hash == image.parameters_hash]


def _has_files(context: Context, tools: MeshTools, mesh: Mesh) -> bool:
    files = files_of_mesh(context, mesh.mesh_id)
    return all(tools.storage.exists(file.stored_name) for file in files)


def cancel_image_meshes(context: Context, image_keys: Sequence[str]) -> list[Mesh]:
    """Cancel the meshes of images that wait or are being made; those of batches stay."""
    active = (MeshStatus.QUEUED, MeshStatus.RUNNING)
    found = [
        mesh
        for image_key in image_keys
        for mesh in list_meshes(context, statuses=active, image_key=image_key, limit=MOST_LISTED)
    ]
    return [cancel_mesh(context, mesh.mesh_id) for mesh in found if mesh.batch_id is None]
