"""Figures of meshes: for `/metrics`, and for a StatsD server where the settings name one."""

from trackflow.context import Context
from trackflow.notifications.statsd import Figure, gauges, send
from trackflow.store.meshes.figures import MeshFigures, read_figures
from trackflow.store.meshes.meshes import Mesh, MeshStatus, read_mesh

__all__ = ["MeshFigures", "figures_of", "send_gauges", "send_mesh", "waiting_s"]


def figures_of(context: Context) -> MeshFigures:
    """How meshes stand."""
    with context.store.read() as connection:
        return read_figures(connection)


def waiting_s(context: Context, figures: MeshFigures) -> float:
    """How long the first in the queue has waited, in seconds."""
    if figures.oldest_queued_at is None:
        return 0.0
    return max((context.clock() - figures.oldest_queued_at).total_seconds(), 0.0)


def send_mesh(context: Context, claimed: Mesh, status: MeshStatus | None) -> None:
    """Send the result of one try of a mesh."""
    if context.settings.statsd is None or status is None:
        return
    with context.store.read() as connection:
        mesh = read_mesh(connection, claimed.mesh_id)
    found = [Figure(f"meshes.{_outcome(status)}", 1, "c")]
    if status is MeshStatus.COMPLETED:
        found += [
            Figure("meshes.seconds", (mesh.seconds or 0.0) * 1000, "ms"),
            Figure("meshes.bytes", mesh.size_bytes, "c"),
        ]
    if mesh.error_kind and status is not MeshStatus.COMPLETED:
        found.append(Figure(f"meshes.failures.{mesh.error_kind}", 1, "c"))
    send(context.settings.statsd, found)


def _outcome(status: MeshStatus) -> str:
    return "tried_again" if status is MeshStatus.QUEUED else status.value


def send_gauges(context: Context) -> None:
    """Send how meshes stand."""
    if context.settings.statsd is None:
        return
    figures = figures_of(context)
    by_status = {
        f"meshes.status.{status.value}": float(figures.by_status.get(status, 0))
        for status in MeshStatus
    }
    values = {
        **by_status,
        "meshes.images": float(figures.images),
        "meshes.stored_bytes": float(figures.stored_bytes),
        "meshes.queue_age_seconds": waiting_s(context, figures),
    }
    send(context.settings.statsd, gauges(values))
