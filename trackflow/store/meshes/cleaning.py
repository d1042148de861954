"""What a cleanup deletes: rows of old meshes, and files that no row names."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.meshes.meshes import MeshStatus
from trackflow.store.meshes.tables import mesh_batches, mesh_files, mesh_images, meshes

m = meshes.c
f = mesh_files.c
b = mesh_batches.c

ENDED_BADLY = (MeshStatus.FAILED.value, MeshStatus.CANCELLED.value)


@dataclass(frozen=True, slots=True)
class OldMeshes:
    """Meshes that a cleanup deletes, by id: failed or cancelled ones, and retired ones."""

    failed: list[str]
    retired: list[str]


def with_useless_files(connection: Connection, before: dt.datetime) -> list[str]:
    """Failed or cancelled meshes that ended before a moment and have files."""
    query = (
        sa.select(m.mesh_id)
        .distinct()
        .join(mesh_files, f.mesh_id == m.mesh_id)
        .where(m.status.in_(ENDED_BADLY), m.finished_at < before)
    )
    return list(connection.scalars(query.order_by(m.mesh_id)))


def drop_files(connection: Connection, mesh_id: str) -> list[str]:
    """Forget the files of a mesh; returns their stored names."""
    names = list(connection.scalars(sa.select(f.stored_name).where(f.mesh_id == mesh_id)))
    connection.execute(sa.delete(mesh_files).where(f.mesh_id == mesh_id))
    connection.execute(sa.update(meshes).where(m.mesh_id == mesh_id).values(size_bytes=0))
    return names


def old_meshes(connection: Connection, before: dt.datetime) -> OldMeshes:
    """Meshes that failed, were cancelled or were retired before a moment."""
    failed = sa.select(m.mesh_id).where(m.status.in_(ENDED_BADLY), m.finished_at < before)
    retired = sa.select(m.mesh_id).where(
        m.status == MeshStatus.RETIRED.value, m.retired_at < before
    )
    return OldMeshes(
        list(connection.scalars(failed.order_by(m.mesh_id))),
        list(connection.scalars(retired.order_by(m.mesh_id))),
    )


def delete_mesh(connection: Connection, mesh_id: str, before: dt.datetime) -> list[str] | None:
    """Delete an old mesh; returns the stored names of its files, None if it is not old any more."""
    is_old = sa.or_(
        sa.and_(m.status.in_(ENDED_BADLY), m.finished_at < before),
        sa.and_(m.status == MeshStatus.RETIRED.value, m.retired_at < before),
    )
    row = connection.execute(
        sa.delete(meshes).where(m.mesh_id == mesh_id, is_old).returning(m.mesh_id)
    ).one_or_none()
    if row is None:
        return None
    return drop_files(connection, mesh_id)


def delete_old_images(connection: Connection, before: dt.datetime) -> int:
    """Delete images that are gone since before a moment and have no mesh; returns how many."""
    i = mesh_images.c
    return connection.execute(
        sa.delete(mesh_images).where(
            i.gone_at < before, ~sa.exists().where(m.image_key == i.image_key)
        )
    ).rowcount


def delete_old_batches(connection: Connection, before: dt.datetime) -> int:
    """Delete batches that ended before a moment and have no mesh left; returns how many."""
    return connection.execute(
        sa.delete(mesh_batches).where(
            b.finished_at < before, ~sa.exists().where(m.batch_id == b.batch_id)
        )
    ).rowcount


def is_used(connection: Connection, stored_name: str) -> bool:
    """Whether a mesh or an image names a file of the storage."""
    of_mesh = sa.exists().where(f.stored_name == stored_name)
    of_image = sa.exists().where(mesh_images.c.stored_name == stored_name)
    return bool(connection.scalar(sa.select(sa.or_(of_mesh, of_image))))


def used_names(connection: Connection) -> set[str]:
    """All files of the storage that meshes and images name."""
    i = mesh_images.c.stored_name
    return {
        *connection.scalars(sa.select(f.stored_name).distinct()),
        *connection.scalars(sa.select(i).where(i.is_not(None)).distinct()),
    }
