"""Where race tracks are, and which devices stayed there."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "catalogue_places",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("geocoder", sa.Text(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("located_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "slug", name=op.f("pk_catalogue_places")),
    )
    op.create_table(
        "catalogue_visits",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "device_id", "start_time", "source", "slug", name=op.f("pk_catalogue_visits")
        ),
    )
    op.create_index(
        op.f("ix_catalogue_visits_start_time"), "catalogue_visits", ["start_time"], unique=False
    )
    op.create_table(
        "catalogue_visit_days",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("places_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_catalogue_visit_days")),
    )
