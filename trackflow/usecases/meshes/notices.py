"""Messages about meshes that were completed or failed, and about batches: each is sent once."""

from trackflow.context import Context
from trackflow.errors import MeshStorageError, NotFoundError
from trackflow.notifications.notifier import AppriseNotifier, Message
from trackflow.settings import Settings
from trackflow.store.meshes import meshes, notices
from trackflow.store.meshes.batches import MeshBatch
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.days.report import counted
from trackflow.usecases.meshes.control import read_file
from trackflow.usecases.meshes.links import THUMBNAIL, page_of_mesh, result_link

VARIABLE = "TRACKFLOW_MESH_NOTIFY"

MOST_LISTED = 10
"""Failures that the message about a batch lists."""


def send_due(context: Context) -> int:
    """Send the messages that are due; returns how many.

    Raises:
        StoreUnavailableError: the database is away; they are sent another time.
    """
    settings = context.settings
    if not (settings.mesh_notify or settings.notify_urls):
        return 0
    count = 0
    while (mesh := _claimed_mesh(context)) is not None:
        count += _send_mesh(context, mesh)
        with context.store.write() as connection:
            notices.mark_mesh(connection, mesh.mesh_id, context.clock())
    while (batch := _claimed_batch(context)) is not None:
        count += _send_batch(context, batch)
        with context.store.write() as connection:
            notices.mark_batch(connection, batch.batch_id, context.clock())
    return count


def addresses_of(
    settings: Settings, project: str | None, user_name: str | None, *, is_trouble: bool
) -> list[str]:
    """Where a message goes: to the project, the user and, if it is about trouble, the operators.

    Args:
        settings: with the addresses.
        project: that the mesh belongs to.
        user_name: of the person who asked for it.
        is_trouble: whether it failed.
    """
    names = {project, f"user:{user_name}" if user_name else None} - {None}
    found = [address for name, address in settings.mesh_notify if name in names]
    if is_trouble:
        found += settings.notify_urls
    return list(dict.fromkeys(found))


def _claimed_mesh(context: Context) -> Mesh | None:
    with context.store.write() as connection:
        return notices.claim_mesh(connection, context.clock())


def _claimed_batch(context: Context) -> MeshBatch | None:
    with context.store.write() as connection:
        return notices.claim_batch(connection, context.clock())


def _send_mesh(context: Context, mesh: Mesh) -> bool:
    is_trouble = mesh.status is MeshStatus.FAILED
    settings = context.settings
    addresses = addresses_of(settings, mesh.project, mesh.user_name, is_trouble=is_trouble)
    if not addresses:
        return False
    link = page_of_mesh(settings, mesh.mesh_id)
    named = f"[{mesh.mesh_id}]({link})" if link else f"`{mesh.mesh_id}`"
    if is_trouble:
        title = f"The mesh of {mesh.image_name} has failed"
        body = f"{mesh.error_message}\n\nMesh {named}, {counted(mesh.tries, 'try', 'tries')}."
        message = Message()
    else:
        title = f"The mesh of {mesh.image_name} is ready"
        triangles = (mesh.report or {}).get("triangle_count", 0)
        body = f"Mesh {named}: {counted(triangles, 'triangle')}, {mesh.size_bytes:,} bytes."
        if result := result_link(settings, mesh.mesh_id):
            body += f"\n\n[Download]({result})"
        message = Message(is_trouble=False, picture=_picture(context, mesh))
    AppriseNotifier(addresses, variable=VARIABLE).send(title, body, message)
    return True


def _picture(context: Context, mesh: Mesh) -> bytes | None:
    try:
        return read_file(context, mesh.mesh_id, THUMBNAIL)[1]
    except (NotFoundError, MeshStorageError):
        return None  # the message matters more than its picture


def _send_batch(context: Context, batch: MeshBatch) -> bool:
    is_trouble = batch.failed > 0 or batch.status == "failed"
    is_sync = batch.kind == "mesh_sync"
    if is_sync and not is_trouble:
        return False  # a nightly sync that went well is no news
    addresses = addresses_of(
        context.settings, batch.project, batch.user_name, is_trouble=is_trouble
    )
    if not addresses:
        return False
    what = "The mesh sync" if is_sync else f"The batch of {counted(batch.total, 'mesh', 'meshes')}"
    done = f"{batch.completed:,} of {batch.total:,} completed, {batch.failed:,} failed"
    title = f"{what} has ended: {batch.failed:,} failed" if is_trouble else f"{what} is ready"
    with context.store.read() as connection:
        failed = meshes.list_meshes(
            connection,
            statuses=(MeshStatus.FAILED,),
            batch_id=batch.batch_id,
            limit=MOST_LISTED,
        )
    lines = [f"- {mesh.image_name}: {mesh.error_message}" for mesh in failed]
    if batch.failed > len(lines):
        lines.append(f"- and {batch.failed - len(lines):,} more")
    body = "\n".join([f"{done}. Job `{batch.batch_id}`.", "", *lines]).strip()
    message = Message(is_trouble=is_trouble)
    AppriseNotifier(addresses, variable=VARIABLE).send(title, body, message)
    return True
