"""Monitoring: alerts and who has heard of them, sums of work, and samples of free space."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("clear_since", UtcTime(), nullable=True),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("rule", "device_id", name=op.f("pk_alerts")),
    )
    op.create_table(
        "alert_channels",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("heard", sa.Text(), nullable=True),
        sa.Column("heard_at", UtcTime(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "device_id", "channel", name=op.f("pk_alert_channels")),
    )
    op.create_index(op.f("ix_alert_channels_channel"), "alert_channels", ["channel"])
    op.create_table(
        "work_counters",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("total", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("what", "stage", "outcome", name=op.f("pk_work_counters")),
    )
    op.create_table(
        "disk_samples",
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("sampled_at", UtcTime(), nullable=False),
        sa.Column("free_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("folder", "sampled_at", name=op.f("pk_disk_samples")),
    )
    # counts by reason and bursts come from it alone: the rows themselves hold whole requests
    op.create_index(
        op.f("ix_quarantined_points_received_at_reason"),
        "quarantined_points",
        ["received_at", "reason"],
    )
