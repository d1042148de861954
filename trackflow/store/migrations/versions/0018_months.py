"""Points and lines by month: partitions on PostgreSQL. On SQLite nothing changes.

No row is copied: what a table holds becomes its first partition. `bounds` has proved before how far
it goes, so that PostgreSQL need not read it while readers wait.
"""

import datetime as dt

import sqlalchemy as sa
from alembic import op

from trackflow.store.migrations import bounds

revision = "0018"
down_revision = "0017"

INDEXES = {"gps_points": (), "cached_polylines": ("day",)}
"""Columns with an index of their own, beside the key."""

GRANTS = """
SELECT privilege_type, is_grantable,
    CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee
FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(:name) AND grantee <> relowner
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    for table, column in bounds.COLUMNS.items():
        op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        end = bounds.end_of(connection, table)
        old = bounds.name_of(table, end) if end else f"{table}_empty"
        limits = [c["name"] for c in sa.inspect(connection).get_check_constraints(table)]
        _rename(table, old)
        _create(table, column, old)
        if end is None:
            op.execute(f"DROP TABLE {old}")
        else:
            _attach(table, old, end, has_limit=old in limits)


def _rename(table: str, old: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME TO {old}")
    op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{old}")
    for column in INDEXES[table]:
        op.execute(f"ALTER INDEX ix_{table}_{column} RENAME TO ix_{old}_{column}")


def _create(table: str, column: str, old: str) -> None:
    """Make the table of the partitions, with the rights that people have on the old one."""
    op.execute(
        f"CREATE TABLE {table} (LIKE {old} INCLUDING DEFAULTS) PARTITION BY RANGE ({column})"
    )
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY (device_id, {column})")
    for name in INDEXES[table]:
        op.create_index(f"ix_{table}_{name}", table, [name])
    for right in op.get_bind().execute(sa.text(GRANTS), {"name": old}).all():
        more = " WITH GRANT OPTION" if right.is_grantable else ""
        op.execute(f"GRANT {right.privilege_type} ON {table} TO {right.grantee}{more}")


def _attach(table: str, old: str, end: dt.date, *, has_limit: bool) -> None:
    op.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {old} "
        f"FOR VALUES FROM (MINVALUE) TO ('{end} 00:00+00')"
    )
    if has_limit:
        op.execute(f"ALTER TABLE {old} DROP CONSTRAINT {old}")
