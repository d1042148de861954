"""Overviews of tracks; the next migration makes those of the tracks that are there."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "track_overviews",
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("west", sa.Double(), nullable=False),
        sa.Column("south", sa.Double(), nullable=False),
        sa.Column("east", sa.Double(), nullable=False),
        sa.Column("north", sa.Double(), nullable=False),
        sa.Column("polyline", sa.Text(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("track_id", name=op.f("pk_track_overviews")),
    )
    op.create_index(op.f("ix_track_overviews_start_time"), "track_overviews", ["start_time"])
    op.create_index(
        op.f("ix_track_overviews_device_id_start_time"),
        "track_overviews",
        ["device_id", "start_time"],
    )
