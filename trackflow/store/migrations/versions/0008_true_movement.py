"""What the new rules for tracks need: two classes in the ledger, presets, and all days cut anew.

Ledgers count excursions and points of mixtures, which the old rules did not know: 0 until a day is
cut anew. A device can have a preset.

Own thresholds of a device are dropped where they no longer hold: `jump_m` (there is no such rule
any more), values out of today's ranges, and times that together look further than a day. The
reason "jump" becomes "gap". `trackflow.store.days.recutting` does this and tells why; all days are
pending after it.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from trackflow.store.days.recutting import cut_anew

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    for name in ("excursion", "mixed"):
        op.add_column(
            "day_ledgers", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    op.add_column("devices", sa.Column("preset", sa.Text(), nullable=True))
    cut_anew(op.get_bind(), dt.datetime.now(dt.UTC))
