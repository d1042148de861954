"""Rows of images: where each comes from, its bytes in the storage, what is asked of its mesh."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError
from trackflow.store.dialects import insert_into
from trackflow.store.meshes.tables import mesh_images

i = mesh_images.c


@dataclass(frozen=True, slots=True)
class MeshImage:
    """An image; columns by their names.

    Attributes:
        image_key: `<source>/<name>`.
        source: upload, inbox, catalogue or api.
        name: its name for people; the generator tells the format from the content.
        address: where it is fetched from; None for one that was delivered as a file.
        stored_name: of its bytes in the storage; None before they were read.
        content_hash: SHA-256 of its bytes.
        size_bytes: of its file.
        pixels: width times height; None if unknown.
        parameters: what is asked of its mesh, as JSON.
        parameters_hash: of these.
        project: that it belongs to.
        user_name: of the person who asked.
        modified_at: of a file in the inbox, UTC.
        fetched_at: when its bytes were last read from where it comes from, UTC.
        gone_at: since when its source has it no more, UTC.
    """

    image_key: str
    source: str
    name: str
    address: str | None
    stored_name: str | None
    content_hash: str | None
    size_bytes: int | None
    pixels: int | None
    parameters: dict[str, Any]
    parameters_hash: str
    project: str | None
    user_name: str | None
    modified_at: dt.datetime | None
    fetched_at: dt.datetime | None
    gone_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ImageContent:
    """The bytes of an image, as they are stored.

    Attributes:
        stored_name: in the storage.
        content_hash: SHA-256 of the bytes.
        size_bytes: their number.
        pixels: width times height; None if unknown.
    """

    stored_name: str
    content_hash: str
    size_bytes: int
    pixels: int | None


_COLUMNS = [i[name] for name in MeshImage.__dataclass_fields__]


def save_image(
    connection: Connection, image_key: str, now: dt.datetime, values: Mapping[str, Any]
) -> None:
    """Insert an image or change these columns of it; it is there then, and not gone.

    Args:
        connection: in a transaction for writing.
        image_key: its key.
        now: the time, UTC.
        values: columns by name; a new row needs source, name and parameters_hash.
    """
    changed = {**values, "last_seen_at": now, "gone_at": None}
    # not ON CONFLICT alone: it refuses a row without the columns that stay as they are
    update = sa.update(mesh_images).where(i.image_key == image_key).values(changed)
    if connection.execute(update).rowcount == 0:
        row = {"image_key": image_key, "first_seen_at": now, **changed}
        insert = insert_into(connection, mesh_images).values(row)
        connection.execute(insert.on_conflict_do_update(index_elements=[i.image_key], set_=changed))


def note_content(
    connection: Connection, image_key: str, content: ImageContent, now: dt.datetime
) -> None:
    """Note an image's bytes after they were fetched."""
    connection.execute(
        sa.update(mesh_images)
        .where(i.image_key == image_key)
        .values(
            stored_name=content.stored_name,
            content_hash=content.content_hash,
            size_bytes=content.size_bytes,
            pixels=content.pixels,
            fetched_at=now,
        )
    )


def read_image(connection: Connection, image_key: str) -> MeshImage:
    """An image.

    Raises:
        NotFoundError: there is none of this key.
    """
    row = connection.execute(sa.select(*_COLUMNS).where(i.image_key == image_key)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no image {image_key}; see `trackflow mesh list`")
    return MeshImage(**row._mapping)


def read_images(connection: Connection, source: str | None = None) -> list[MeshImage]:
    """All images by key, or those of one source; those that are gone included."""
    query = sa.select(*_COLUMNS).order_by(i.image_key)
    if source is not None:
        query = query.where(i.source == source)
    return [MeshImage(**row._mapping) for row in connection.execute(query)]


def mark_seen(connection: Connection, image_keys: Sequence[str], now: dt.datetime) -> None:
    """Note that images are still where they come from."""
    for keys in _in_batches(image_keys):
        connection.execute(
            sa.update(mesh_images)
            .where(i.image_key.in_(keys))
            .values(last_seen_at=now, gone_at=None)
        )


def mark_gone(connection: Connection, image_keys: Sequence[str], now: dt.datetime) -> None:
    """Note that images are not where they came from any more."""
    for keys in _in_batches(image_keys):
        connection.execute(
            sa.update(mesh_images)
            .where(i.image_key.in_(keys), i.gone_at.is_(None))
            .values(gone_at=now)
        )


def _in_batches(keys: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (keys[k : k + size] for k in range(0, len(keys), size))
