"""Initial schema."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "cached_polylines",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("encoded_polyline", sa.Text(), nullable=False),
        sa.Column("is_raw", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("matched_share", sa.Double(), nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("source_coordinates_count", sa.Integer(), nullable=False),
        sa.Column("processing_duration_ms", sa.Double(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("match", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("last_accessed", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", "start_time", name=op.f("pk_cached_polylines")),
    )
    op.create_index(op.f("ix_cached_polylines_day"), "cached_polylines", ["day"], unique=False)
    op.create_index(
        op.f("ix_cached_polylines_device_id_day"),
        "cached_polylines",
        ["device_id", "day"],
        unique=False,
    )
    op.create_table(
        "day_ledgers",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("track", sa.Integer(), nullable=False),
        sa.Column("short", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("spike", sa.Integer(), nullable=False),
        sa.Column("inaccurate", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("lone", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_day_ledgers")),
    )
    op.create_index(op.f("ix_day_ledgers_day"), "day_ledgers", ["day"], unique=False)
    op.create_table(
        "devices",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), server_default="car", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("thresholds", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_devices")),
    )
    op.create_table(
        "gps_points",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("altitude_m", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_ms", sa.Double(), nullable=True),
        sa.Column("course_deg", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "recorded_at", name=op.f("pk_gps_points")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "processing_batches",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("generation", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("segmented_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("matched_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("tracked_generation", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", UtcTime(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("point_count", sa.Integer(), nullable=True),
        sa.Column("segment_count", sa.Integer(), nullable=True),
        sa.Column("segment_ms", sa.Double(), nullable=True),
        sa.Column("match_ms", sa.Double(), nullable=True),
        sa.Column("track_ms", sa.Double(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'completed', 'failed')",
            name=op.f("ck_processing_batches_known_status"),
        ),
        sa.PrimaryKeyConstraint("device_id", "day", name=op.f("pk_processing_batches")),
    )
    op.create_index(op.f("ix_processing_batches_day"), "processing_batches", ["day"], unique=False)
    op.create_index(
        op.f("ix_processing_batches_status_day"),
        "processing_batches",
        ["status", "day"],
        unique=False,
    )
    op.create_table(
        "quarantined_points",
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=True),
        sa.Column("recorded_at", UtcTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("content_hash", name=op.f("pk_quarantined_points")),
    )
    op.create_index(
        op.f("ix_quarantined_points_device_id_recorded_at"),
        "quarantined_points",
        ["device_id", "recorded_at"],
        unique=False,
    )
    op.create_table(
        "receipts",
        sa.Column(
            "received_seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("received_seq", name=op.f("pk_receipts")),
    )
    op.create_table(
        "road_networks",
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("west", sa.Double(), nullable=True),
        sa.Column("south", sa.Double(), nullable=True),
        sa.Column("east", sa.Double(), nullable=True),
        sa.Column("north", sa.Double(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("built_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("profile", name=op.f("pk_road_networks")),
    )
    op.create_table(
        "segments",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("began", sa.Text(), nullable=False),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("distance_mm", sa.BigInteger(), nullable=False),
        sa.Column("link_mm", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "day", "start_time", name=op.f("pk_segments")),
    )
    op.create_index(op.f("ix_segments_day"), "segments", ["day"], unique=False)
    op.create_table(
        "track_aliases",
        sa.Column("alias_id", sa.Uuid(), nullable=False),
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("alias_id", name=op.f("pk_track_aliases")),
    )
    op.create_index(op.f("ix_track_aliases_track_id"), "track_aliases", ["track_id"], unique=False)
    op.create_table(
        "tracks",
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("began", sa.Text(), nullable=False),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.Column("distance_m", sa.Double(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("average_speed_kmh", sa.Double(), nullable=False),
        sa.Column("max_speed_kmh", sa.Double(), nullable=False),
        sa.Column("point_count", sa.Integer(), nullable=False),
        sa.Column("segment_count", sa.Integer(), nullable=False),
        sa.Column("raw_polyline", sa.Text(), nullable=False),
        sa.Column("matched_polyline", sa.Text(), nullable=False),
        sa.Column("matched_distance_m", sa.Double(), nullable=False),
        sa.Column("matched_share", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("west", sa.Double(), nullable=False),
        sa.Column("south", sa.Double(), nullable=False),
        sa.Column("east", sa.Double(), nullable=False),
        sa.Column("north", sa.Double(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("track_id", name=op.f("pk_tracks")),
        sa.UniqueConstraint("device_id", "start_time", name=op.f("uq_tracks_device_id_start_time")),
    )
    op.create_index(op.f("ix_tracks_start_time"), "tracks", ["start_time"], unique=False)
