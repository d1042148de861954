"""Each import has an id by which it can be undone.

Earlier imports have none: no column shows which of their points belong together.
"""

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("receipts", sa.Column("import_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_receipts_import_id",
        "receipts",
        ["import_id"],
        unique=False,
        sqlite_where=sa.text("import_id IS NOT NULL"),
        postgresql_where=sa.text("import_id IS NOT NULL"),
    )
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("imported_at", UtcTime(), nullable=False),
        sa.Column("points_added", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("undone_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_table(
        "import_refusals",
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("content_hash", "import_id", name=op.f("pk_import_refusals")),
    )
    op.create_index(
        op.f("ix_import_refusals_import_id"), "import_refusals", ["import_id"], unique=False
    )
    key = ("device_id", "recorded_at", "import_id", "longitude", "latitude")
    op.create_table(
        "replaced_points",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("altitude_m", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("speed_ms", sa.Double(), nullable=True),
        sa.Column("course_deg", sa.Double(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("received_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_replaced_points")),
    )
    op.create_index(
        op.f("ix_replaced_points_import_id"), "replaced_points", ["import_id"], unique=False
    )
