"""Refused live input is kept whole in quarantine, with everything needed to read it again.

For older rows the beginning of `source` names the sender; a row that fills the old limit of 500
characters was cut, and cannot be read again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

SENDERS = ("owntracks", "overland", "traccar", "geojson")


def upgrade() -> None:
    for column in (
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("envelope", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), server_default="0", nullable=False),
    ):
        op.add_column("quarantined_points", column)
    op.create_index(
        op.f("ix_quarantined_points_sender_size_bytes"),
        "quarantined_points",
        ["sender", "size_bytes"],
        unique=False,
    )
    op.create_index(
        op.f("ix_receipts_source_received_at"), "receipts", ["source", "received_at"], unique=False
    )
    q = sa.table(
        "quarantined_points",
        *(sa.column(name, sa.Text) for name in ("sender", "envelope", "source", "raw", "reason")),
        sa.column("size_bytes", sa.Integer),
    )
    for sender in SENDERS:
        # a point that lost against another one was no error
        mine = sa.and_(
            sa.or_(q.c.source == sender, q.c.source.like(f"{sender}: %")),
            q.c.reason.not_in(("equal_time", "too_old")),
        )
        op.execute(sa.update(q).where(mine).values(sender=sender))
    op.execute(sa.update(q).values(size_bytes=sa.func.length(q.c.raw)))
