"""Callbacks of a mesh service: those that wait to be sent, and what was received."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("mesh_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_status", sa.Text(), nullable=True),
        sa.Column("seen_progress", sa.Double(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("changed_at", UtcTime(), nullable=True),
        sa.Column("taken_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("given_up_at", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("mesh_id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_next_try_at"), "outbox", ["next_try_at"])
    op.create_index(op.f("ix_outbox_host"), "outbox", ["host"])
    op.create_table(
        "remote_meshes",
        sa.Column("mesh_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("mesh_id", name=op.f("pk_remote_meshes")),
    )
    op.create_index(op.f("ix_remote_meshes_updated_at"), "remote_meshes", ["updated_at"])
    op.create_table(
        "received_callbacks",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_received_callbacks")),
    )
    op.create_index(
        op.f("ix_received_callbacks_received_at"), "received_callbacks", ["received_at"]
    )
