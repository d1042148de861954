"""No table changes: all days are marked, as 0.8 cuts tracks by other rules than 0.7.

Where a trip begins and ends, what is a round, an excursion or a halt: tracks of former versions
would stay beside those of this one, and `verify` would find them wrong.
"""

import datetime as dt

from alembic import op

from trackflow.store.days.recutting import mark_all

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    mark_all(op.get_bind(), dt.datetime.now(dt.UTC))
