"""Meshes: their images, batches, files and usage."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "mesh_images",
        sa.Column("image_key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("stored_name", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("pixels", sa.BigInteger(), nullable=True),
        sa.Column("parameters", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("parameters_hash", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("modified_at", UtcTime(), nullable=True),
        sa.Column("fetched_at", UtcTime(), nullable=True),
        sa.Column("first_seen_at", UtcTime(), nullable=False),
        sa.Column("last_seen_at", UtcTime(), nullable=False),
        sa.Column("gone_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "source IN ('upload', 'inbox', 'catalogue', 'api')",
            name=op.f("ck_mesh_images_known_source"),
        ),
        sa.PrimaryKeyConstraint("image_key", name=op.f("pk_mesh_images")),
    )
    op.create_index(op.f("ix_mesh_images_stored_name"), "mesh_images", ["stored_name"])
    _create_meshes()
    op.create_table(
        "mesh_files",
        sa.Column("mesh_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stored_name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("mesh_id", "name", name=op.f("pk_mesh_files")),
    )
    op.create_index(op.f("ix_mesh_files_stored_name"), "mesh_files", ["stored_name"])
    op.create_table(
        "mesh_batches",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("completed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("notice_until", UtcTime(), nullable=True),
        sa.Column("notified_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_mesh_batches_known_status"),
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_mesh_batches")),
    )
    op.create_table(
        "mesh_usage",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("meshes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("month", "project", "outcome", name=op.f("pk_mesh_usage")),
    )


def _create_meshes() -> None:
    op.create_table(
        "meshes",
        sa.Column("mesh_id", sa.Text(), nullable=False),
        sa.Column("image_key", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("parameters_hash", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=True),
        sa.Column("generator_version", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=True),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error_kind", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.Column("pixels", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("retired_at", UtcTime(), nullable=True),
        sa.Column("wants_notice", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("notice_until", UtcTime(), nullable=True),
        sa.Column("notified_at", UtcTime(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'retired')",
            name=op.f("ck_meshes_known_status"),
        ),
        sa.PrimaryKeyConstraint("mesh_id", name=op.f("pk_meshes")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_meshes_idempotency_key")),
    )
    op.create_index(
        op.f("ix_meshes_status_priority_created_at"),
        "meshes",
        ["status", "priority", "created_at"],
    )
    for column in ("image_key", "batch_id", "created_at"):
        op.create_index(op.f(f"ix_meshes_{column}"), "meshes", [column])
