"""Former ids of tracks keep their track's time; batches keep the network of their lines."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    connection = op.get_bind()
    before = connection.execute(
        sa.text("SELECT alias_id, track_id, created_at FROM track_aliases").columns(
            alias_id=sa.Uuid(), track_id=sa.Uuid(), created_at=UtcTime()
        )
    ).all()
    op.drop_index(op.f("ix_track_aliases_track_id"), "track_aliases")
    op.drop_table("track_aliases")
    aliases = op.create_table(
        "track_aliases",
        sa.Column("alias_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=True),
        sa.Column("end_time", UtcTime(), nullable=True),
        sa.Column("track_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("alias_id", name=op.f("pk_track_aliases")),
    )
    op.create_index(
        op.f("ix_track_aliases_device_id"), "track_aliases", ["device_id"], unique=False
    )
    if before:
        connection.execute(sa.insert(aliases), [dict(row._mapping) for row in before])
    connection.execute(
        sa.text(
            "UPDATE track_aliases SET "
            "device_id = (SELECT t.device_id FROM tracks t "
            "WHERE t.track_id = track_aliases.track_id), "
            "start_time = (SELECT t.start_time FROM tracks t "
            "WHERE t.track_id = track_aliases.track_id), "
            "end_time = (SELECT t.end_time FROM tracks t "
            "WHERE t.track_id = track_aliases.track_id) "
            "WHERE track_id IN (SELECT track_id FROM tracks)"
        )
    )
    op.execute("DELETE FROM track_aliases WHERE device_id = ''")
    op.execute("UPDATE track_aliases SET track_id = NULL")
    op.add_column("processing_batches", sa.Column("matched_on", sa.Text(), nullable=True))
    # worked on while matching was switched off: there are segments, and no lines
    op.execute(
        "UPDATE processing_batches SET matched_on = '' "
        "WHERE matched_generation > 0 AND segment_count > 0 AND NOT EXISTS "
        "(SELECT 1 FROM cached_polylines c "
        "WHERE c.device_id = processing_batches.device_id AND c.day = processing_batches.day)"
    )
