"""What numbers of days are made of: halts, elevation gain, when a track was fastest, an index.

Tracks get them when they are merged again: their days are marked for it. Tracks whose points are
gone keep none.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0021"
down_revision = "0020"

OLD_INDEX = "ix_tracks_start_time"
COLUMNS = ["start_time", "device_id", "end_time", "distance_m", "max_speed_kmh", "idle_ms",
           "climb_cm"]  # fmt: skip


def upgrade() -> None:
    op.add_column("tracks", sa.Column("fastest_at", UtcTime(), nullable=True))
    op.add_column("tracks", sa.Column("idle_ms", sa.BigInteger(), nullable=True))
    op.add_column("tracks", sa.Column("quarters_idle_ms", sa.Text(), nullable=True))
    op.add_column("tracks", sa.Column("climb_cm", sa.BigInteger(), nullable=True))
    op.add_column("tracks", sa.Column("quarters_climb_cm", sa.Text(), nullable=True))
    op.drop_index(OLD_INDEX, "tracks")
    op.create_index("ix_tracks_sums", "tracks", COLUMNS)
    _merge_again()


def _merge_again() -> None:
    """Mark every day so that its tracks are made again from the present segments and lines."""
    batches = sa.table(
        "processing_batches",
        sa.column("status", sa.Text),
        sa.column("segmented_generation", sa.BigInteger),
        sa.column("tracked_generation", sa.BigInteger),
        sa.column("pending_since", UtcTime),
    )
    b = batches.c
    op.execute(
        sa.update(batches)
        .where(b.tracked_generation >= b.segmented_generation)
        .values(
            status=sa.case((b.status == "completed", "pending"), else_=b.status),
            tracked_generation=b.segmented_generation - 1,
            pending_since=dt.datetime.now(dt.UTC),
        )
    )
