"""Names and notes of tracks; names, colours, icons and groups of devices."""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    for name in ("name", "colour", "icon", "group_name"):
        op.add_column("devices", sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "track_notes",
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("start_time", UtcTime(), nullable=False),
        sa.Column("end_time", UtcTime(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_track_notes")),
    )
    op.create_index(
        op.f("ix_track_notes_device_id_start_time"), "track_notes", ["device_id", "start_time"]
    )
