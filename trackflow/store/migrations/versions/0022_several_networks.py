"""Several road networks per profile, each with a name and the cells that it covers.

A network that is there gets the name of its extract. What it covers is not known: as before, all
windows are matched on it, so that no line changes.
"""

import sqlalchemy as sa
from alembic import op

from trackflow.matching.networks import network_name
from trackflow.store.types import UtcTime

revision = "0022"
down_revision = "0021"

NAME = "road_networks"
EDGES = ("west", "south", "east", "north")


def upgrade() -> None:
    for edge in EDGES:
        op.add_column("processing_batches", sa.Column(f"seen_{edge}", sa.Double(), nullable=True))
    # the key changes, and no database has more than three rows
    old = sa.table(NAME, *(sa.column(column.name, column.type) for column in _columns()))
    known = [c for c in old.columns if c.name not in ("name", "coverage", "area_km2")]
    rows = [dict(row) for row in op.get_bind().execute(sa.select(*known)).mappings()]
    op.drop_table(NAME)
    new = op.create_table(
        NAME, *_columns(), sa.PrimaryKeyConstraint("profile", "name", name=op.f(f"pk_{NAME}"))
    )
    if rows:
        op.bulk_insert(new, [row | {"name": network_name(row["source_name"])} for row in rows])


def _columns() -> "list[sa.Column[object]]":
    return [
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        *(sa.Column(edge, sa.Double(), nullable=True) for edge in EDGES),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("built_at", UtcTime(), nullable=False),
        sa.Column("coverage", sa.LargeBinary(), nullable=True),
        sa.Column("area_km2", sa.Double(), nullable=True),
    ]
