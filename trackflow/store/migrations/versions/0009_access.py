"""A table stores whether requests of this machine need a token; it no longer follows from tokens.

Where a token has existed, even a revoked one, they need one from now on.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from trackflow.store.types import UtcTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    changes = op.create_table(
        "no_token_changes",
        sa.Column(
            "change_no",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("change_no", name=op.f("pk_no_token_changes")),
    )
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT 1 FROM access_tokens LIMIT 1")):
        now = dt.datetime.now(dt.UTC)
        reason = "there has been a token"
        connection.execute(sa.insert(changes).values(changed_at=now, is_on=False, reason=reason))
