"""The tables of meshes."""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

mesh_images = sa.Table(
    "mesh_images",
    metadata,
    sa.Column("image_key", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # where it is fetched from; None for one that was delivered as a file
    sa.Column("address", sa.Text),
    # its bytes in the storage; None before it was read for the first time
    sa.Column("stored_name", sa.Text),
    sa.Column("content_hash", sa.Text),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("pixels", sa.BigInteger),
    sa.Column("parameters", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("parameters_hash", sa.Text, nullable=False),
    sa.Column("project", sa.Text),
    sa.Column("user_name", sa.Text),
    # of a file in the inbox: it is read again when this changes
    sa.Column("modified_at", UtcTime),
    sa.Column("fetched_at", UtcTime),
    sa.Column("first_seen_at", UtcTime, nullable=False),
    sa.Column("last_seen_at", UtcTime, nullable=False),
    sa.Column("gone_at", UtcTime),
    sa.CheckConstraint("source IN ('upload', 'inbox', 'catalogue', 'api')", name="known_source"),
    sa.Index(None, "stored_name"),
)


meshes = sa.Table(
    "meshes",
    metadata,
    sa.Column("mesh_id", sa.Text, primary_key=True),
    sa.Column("image_key", sa.Text, nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("parameters_hash", sa.Text, nullable=False),
    # of its last try
    sa.Column("content_hash", sa.Text),
    sa.Column("generator_version", sa.Text),
    sa.Column("status", sa.Text, nullable=False, server_default="queued"),
    # 0 a person waits, 1 a batch, 2 a sync
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("batch_id", sa.Uuid),
    sa.Column("project", sa.Text),
    sa.Column("user_name", sa.Text),
    sa.Column("progress", sa.Double, nullable=False, server_default="0"),
    sa.Column("step", sa.Text),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try_at", UtcTime),
    sa.Column("lease_until", UtcTime),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("error_kind", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("report", sa.JSON(none_as_null=True)),
    sa.Column("pixels", sa.BigInteger),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seconds", sa.Double),
    sa.Column("peak_memory_bytes", sa.BigInteger),
    sa.Column("idempotency_key", sa.Text, unique=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.Column("retired_at", UtcTime),
    # whether a message is sent at its end; not for each mesh of a batch
    sa.Column("wants_notice", sa.Boolean, nullable=False, server_default=sa.false()),
    # a process sends the message now; after this time it has died
    sa.Column("notice_until", UtcTime),
    sa.Column("notified_at", UtcTime),
    sa.CheckConstraint(
        "status IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'retired')",
        name="known_status",
    ),
    sa.Index(None, "status", "priority", "created_at"),
    sa.Index(None, "image_key"),
    sa.Index(None, "batch_id"),
    sa.Index(None, "created_at"),
)


mesh_files = sa.Table(
    "mesh_files",
    metadata,
    sa.Column("mesh_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("stored_name", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Index(None, "stored_name"),
)


mesh_batches = sa.Table(
    "mesh_batches",
    metadata,
    # the id of its job
    sa.Column("batch_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="running"),
    sa.Column("project", sa.Text),
    sa.Column("user_name", sa.Text),
    sa.Column("total", sa.Integer, nullable=False, server_default="0"),
    sa.Column("completed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime),
    sa.Column("notice_until", UtcTime),
    sa.Column("notified_at", UtcTime),
    sa.CheckConstraint(
        "status IN ('running', 'completed', 'failed', 'cancelled')", name="known_status"
    ),
)


mesh_usage = sa.Table(
    "mesh_usage",
    metadata,
    # the first day of the month
    sa.Column("month", sa.Date, primary_key=True),
    # empty for none
    sa.Column("project", sa.Text, primary_key=True),
    # completed, or the kind of the failure
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("meshes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seconds", sa.Double, nullable=False, server_default="0"),
)
