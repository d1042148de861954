"""One distance of a track, its parts by quarters of an hour, and devices with no zone of their own.

Tracks get their new distance when they are merged again: their days are marked for it. Tracks whose
points are gone keep the distance that they had, which counts as travelled evenly.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "tracks", sa.Column("raw_distance_m", sa.Double(), nullable=False, server_default="0")
    )
    op.add_column(
        "tracks", sa.Column("unobserved_m", sa.Double(), nullable=False, server_default="0")
    )
    op.add_column("tracks", sa.Column("quarters_mm", sa.Text(), nullable=True))
    op.execute("UPDATE tracks SET raw_distance_m = distance_m")
    op.drop_column("tracks", "matched_distance_m")
    # "UTC" was what a device had that was never asked
    op.add_column("devices", sa.Column("own_zone", sa.Text(), nullable=True))
    op.execute("UPDATE devices SET own_zone = time_zone WHERE time_zone <> 'UTC'")
    op.drop_column("devices", "time_zone")
    op.execute("ALTER TABLE devices RENAME COLUMN own_zone TO time_zone")
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
