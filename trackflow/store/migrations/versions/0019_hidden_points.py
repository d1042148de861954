"""Hidden points."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column(
        "day_ledgers", sa.Column("hidden", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "hidings",
        sa.Column("hiding_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=True),
        sa.Column("end_time", UtcTime(), nullable=True),
        sa.Column("west", sa.Double(), nullable=True),
        sa.Column("south", sa.Double(), nullable=True),
        sa.Column("east", sa.Double(), nullable=True),
        sa.Column("north", sa.Double(), nullable=True),
        sa.Column("hidden_by", sa.Text(), nullable=False),
        sa.Column("hidden_at", UtcTime(), nullable=False),
        sa.Column("restored_by", sa.Text(), nullable=True),
        sa.Column("restored_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("hiding_id", name=op.f("pk_hidings")),
    )
    op.create_index(op.f("ix_hidings_device_id"), "hidings", ["device_id"])
