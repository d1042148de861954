"""Columns for the new rules for tracks: two classes in the ledger, presets. All days are marked.

Ledgers count excursions and points of mixtures, which the old rules lacked: 0 until a day is cut
again. A device can have a preset.

A device's own thresholds are dropped where they are invalid now: `jump_m` (the rule no longer
exists), values out of today's ranges, and times that together look further than a day. The reason
"jump" becomes "gap". `trackflow.store.days.recutting` does this and gives the reasons; all days are
pending after it.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from trackflow.store.days.recutting import mark_for_recutting

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for name in ("excursion", "mixed"):
        op.add_column(
            "day_ledgers", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    op.add_column("devices", sa.Column("preset", sa.Text(), nullable=True))
    mark_for_recutting(op.get_bind(), dt.datetime.now(dt.UTC))
