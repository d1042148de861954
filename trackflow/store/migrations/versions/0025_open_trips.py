"""Since when books have known of trips, and from when on they are closed.

What is open in a store keeps the time at which it closes: it counts as seen when it ended.
"""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("vehicles", sa.Column("closed_from", UtcTime(), nullable=True))
    op.create_table(
        "logbook_sightings",
        sa.Column("vehicle_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("first_seen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "vehicle_id", "start_time", "end_time", name=op.f("pk_logbook_sightings")
        ),
    )
    op.execute(
        "INSERT INTO logbook_sightings (vehicle_id, start_time, end_time, first_seen_at) "
        "SELECT DISTINCT vehicle_id, start_time, end_time, end_time FROM logbook_entries "
        "WHERE closed_at IS NULL"
    )
