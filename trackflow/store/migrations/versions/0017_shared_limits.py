"""Limits of services that all processes share, and figures of pools."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "breakers", sa.Column("openings", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.create_table(
        "service_limits",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=True),
        sa.Column("next_turn_at", UtcTime(), nullable=True),
        sa.Column("rest_until", UtcTime(), nullable=True),
        sa.Column("requests", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("timeouts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("broken", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_service_limits")),
    )
    op.create_table(
        "service_leases",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("in_use", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.Column("lease_until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("service", "process_id", name=op.f("pk_service_leases")),
    )
    op.create_table(
        "live_pools",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Uuid(), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("given_up", sa.Integer(), nullable=False),
        sa.Column("lease_until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("pool", "process_id", name=op.f("pk_live_pools")),
    )
