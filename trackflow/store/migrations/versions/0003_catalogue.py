"""The catalogue of race tracks: what is known, syncs with their changes, and kill switches."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0003"
down_revision = "0002"

TEXTS = (
    "url", "series_code", "activity", "event_name", "address", "city", "country", "country_code",
    "phone", "email", "website", "map_query", "logo_url",
)  # fmt: skip
COUNTS = (
    "laps", "practice_sessions", "races", "entries", "events",
    "results_this_month", "sessions_this_month", "videos_this_month",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "catalogue_tracks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in TEXTS),
        sa.Column("has_video", sa.Boolean(), nullable=True),
        sa.Column("is_featured", sa.Boolean(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in COUNTS),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("misses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("source", "slug", name=op.f("pk_catalogue_tracks")),
    )
    op.create_table(
        "catalogue_syncs",
        sa.Column("sync_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="running", nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("started_at", UtcTime(), nullable=False),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.Column("listing", sa.JSON(), nullable=True),
        sa.Column("listed_at", UtcTime(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('running', 'completed', 'stopped_for_approval', 'refused', 'failed', "
            "'cancelled')",
            name=op.f("ck_catalogue_syncs_known_outcome"),
        ),
        sa.PrimaryKeyConstraint("sync_id", name=op.f("pk_catalogue_syncs")),
        sa.UniqueConstraint("source", "number", name=op.f("uq_catalogue_syncs_source_number")),
    )
    op.create_index(
        op.f("ix_catalogue_syncs_source_started_at"),
        "catalogue_syncs",
        ["source", "started_at"],
        unique=False,
    )
    op.create_index(
        "uq_catalogue_syncs_running",
        "catalogue_syncs",
        ["source"],
        unique=True,
        sqlite_where=sa.text("outcome = 'running'"),
        postgresql_where=sa.text("outcome = 'running'"),
    )
    op.create_table(
        "catalogue_fetched",
        sa.Column("sync_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("failure", sa.JSON(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sync_id", "slug", name=op.f("pk_catalogue_fetched")),
    )
    op.create_table(
        "catalogue_changes",
        sa.Column("sync_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('added', 'changed', 'reactivated', 'deactivated', 'missed', 'found')",
            name=op.f("ck_catalogue_changes_known_kind"),
        ),
        sa.PrimaryKeyConstraint("sync_id", "slug", name=op.f("pk_catalogue_changes")),
    )
    op.create_index(
        op.f("ix_catalogue_changes_source_slug"),
        "catalogue_changes",
        ["source", "slug"],
        unique=False,
    )
    op.create_table(
        "catalogue_switches",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("thrown_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_catalogue_switches")),
    )
