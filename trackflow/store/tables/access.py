"""Who gets in: tokens and the no-token mode."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

access_tokens = sa.Table(
    "access_tokens",
    metadata,
    sa.Column("token_id", sa.Text, primary_key=True, doc="Id that `trackflow token list` shows."),
    sa.Column("name", sa.Text, nullable=False, doc="Name that a person gave it."),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True, doc="Hash of the token."),
    sa.Column("scope", sa.Text, nullable=False, doc="ingest, read or admin."),
    sa.Column("device_id", sa.Text, doc="The only device that it may report for; none for any."),
    sa.Column("created_at", UtcTime, nullable=False, doc="When the row was made."),
    sa.Column("revoked_at", UtcTime, doc="When it was revoked; none while it counts."),
    sa.CheckConstraint("scope IN ('ingest', 'read', 'admin')", name="known_scope"),
    info={"doc": "Access tokens. Only the hash of a token is kept."},
)

no_token_changes = sa.Table(
    "no_token_changes",
    metadata,
    sa.Column(
        "change_no",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        doc="Number of the change.",
    ),
    sa.Column("changed_at", UtcTime, nullable=False, doc="When."),
    sa.Column(
        "is_on",
        sa.Boolean,
        nullable=False,
        doc="Whether requests of this machine need no token from then on.",
    ),
    sa.Column("reason", sa.Text, nullable=False, doc="What changed it."),
    info={
        "doc": "Each change of the no-token mode. The newest row says whether requests of this "
        "machine need a token; without a row they need one once a token has existed."
    },
)
