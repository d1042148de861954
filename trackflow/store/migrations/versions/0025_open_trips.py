"""Since when books have known of trips, and from when on they are closed.

What is open in a store keeps the time at which it closes: it counts as seen when it ended. A book
that is closed is so from the first month that has a closed trip.
"""

import datetime as dt

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
    _close_from_first_months()


def _close_from_first_months() -> None:
    e = sa.table("logbook_entries", *map(sa.column, ("vehicle_id", "month", "closed_at")))
    v = sa.table("vehicles", sa.column("vehicle_id"), sa.column("closed_from", UtcTime()))
    months = (
        sa.select(e.c.vehicle_id, sa.func.min(e.c.month))
        .where(e.c.closed_at.is_not(None))
        .group_by(e.c.vehicle_id)
    )
    for vehicle_id, month in op.get_bind().execute(months).all():
        # in some zone the month begins up to 14 hours before that of UTC
        begin = dt.datetime.fromisoformat(f"{month}-01T00:00Z") - dt.timedelta(days=1)
        op.execute(sa.update(v).where(v.c.vehicle_id == vehicle_id).values(closed_from=begin))
