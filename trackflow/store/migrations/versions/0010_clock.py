"""Moments that the service notes for itself, such as what its last retention went by."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "service_marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("noted_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_service_marks")),
    )
