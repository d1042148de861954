"""What has become of meshes lately, for Dagster's record of each image."""

import base64
import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import MeshStorageError, NotFoundError
from trackflow.store.meshes import history
from trackflow.store.meshes.meshes import Mesh
from trackflow.usecases.meshes.control import read_file
from trackflow.usecases.meshes.notices import THUMBNAIL

PREVIEW_PX = 256
PREVIEW_COLOURS = 64


@dataclass(frozen=True, slots=True)
class MeshChanges:
    """Meshes that have changed, and the moment up to which the list is complete."""

    ended: list[Mesh]
    resting: list[Mesh]
    until: dt.datetime


def mesh_changes(context: Context, since: dt.datetime, limit: int) -> MeshChanges:
    """Meshes that have ended or were retired since a moment, and those that rest between tries.

    Args:
        context: the store.
        since: UTC.
        limit: meshes of each of both at most; the next call, from `until` on, gives the rest.
    """
    with context.store.read() as connection:
        ended = history.ended_since(connection, since, limit)
        resting = history.resting(connection, limit)
    until = max([since, *(changed_at for _mesh, changed_at in ended)])
    return MeshChanges([mesh for mesh, _changed_at in ended], resting, until)


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
