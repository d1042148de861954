"""Windows whose line had to ignore one-ways are marked."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("cached_polylines") as table:
        table.add_column(
            sa.Column("against_oneway", sa.Boolean(), nullable=False, server_default=sa.false())
        )
