"""What has become of meshes lately, for Dagster's record of each image."""

import base64
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import MeshStorageError, NotFoundError
from trackflow.store.meshes import history
from trackflow.store.meshes.history import HistoryPosition
from trackflow.store.meshes.meshes import Mesh
from trackflow.usecases.meshes.control import read_file
from trackflow.usecases.meshes.links import THUMBNAIL

__all__ = [
    "BEGINNING",
    "HistoryPosition",
    "MeshChanges",
    "deleted_of",
    "mesh_changes",
    "preview_of",
]

PREVIEW_PX = 256
PREVIEW_COLOURS = 64


OVERLAP = dt.timedelta(minutes=5)
"""A mesh may become visible some time after the moment that it bears."""

GRACE = dt.timedelta(seconds=15)
"""So long after its end a mesh is left to the run that made it, which reports it itself."""

BEGINNING = HistoryPosition(dt.datetime(1970, 1, 1, tzinfo=dt.UTC))


@dataclass(frozen=True, slots=True)
class MeshChanges:
    """What has become of meshes.

    Attributes:
        ended: meshes that have ended or were retired.
        resting: meshes that wait for their next try.
        until: where the next call goes on; it may give some of these meshes again.
    """

    ended: list[Mesh]
    resting: list[Mesh]
    until: HistoryPosition


def mesh_changes(context: Context, after: HistoryPosition, limit: int) -> MeshChanges:
    """Meshes that have ended or were retired after a position, and those that rest between tries.

    Args:
        context: the store.
        after: where the call before ended.
        limit: meshes of each of both at most; the next calls give the rest.
    """
    with context.store.read() as connection:
        ended = history.ended_after(connection, after, limit)
        resting = history.resting(connection, limit)
    now = context.clock()
    until = ended[-1][1] if ended else after
    edge = HistoryPosition(now - OVERLAP)
    if len(ended) < limit and until.moment > edge.moment:
        until = edge if edge.moment > after.moment else after
    settled = [mesh for mesh, position in ended if not _is_fresh(position.moment, now)]
    return MeshChanges(settled, resting, until)


def _is_fresh(moment: dt.datetime, now: dt.datetime) -> bool:
    """Whether something has ended just now; a moment in the future comes from a wrong clock."""
    return dt.timedelta(0) <= now - moment < GRACE


def deleted_of(context: Context, listed: Sequence[Mesh]) -> list[Mesh]:
    """Which of these meshes exist no more."""
    with context.store.read() as connection:
        kept = history.still_there(connection, [mesh.mesh_id for mesh in listed])
    return [mesh for mesh in listed if mesh.mesh_id not in kept]


def preview_of(context: Context, mesh_id: str) -> str | None:
    """A small picture of a mesh as a data URI; None if it has none or the storage is away."""
    # Pillow takes a tenth of a second to load: only where a picture is wanted
    from PIL import Image

    try:
        _file, content = read_file(context, mesh_id, THUMBNAIL)
    except (NotFoundError, MeshStorageError):
        return None  # the numbers matter more than the picture
    with Image.open(io.BytesIO(content)) as picture:
        picture.thumbnail((PREVIEW_PX, PREVIEW_PX))
        small = picture.convert("RGBA").quantize(PREVIEW_COLOURS)
    out = io.BytesIO()
    small.save(out, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
