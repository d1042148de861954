"""The tables of a mesh service's callbacks: those that wait to be sent, and what was received."""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("mesh_id", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    # host and port of the address
    sa.Column("host", sa.Text, nullable=False),
    # address of this service, as the requester reaches it
    sa.Column("base_url", sa.Text, nullable=False),
    # raised with every change of the mesh that is seen
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("seen_status", sa.Text),
    sa.Column("seen_progress", sa.Double),
    sa.Column("message_id", sa.Text),
    sa.Column("changed_at", UtcTime),
    sa.Column("taken_sequence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try_at", UtcTime, nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Column("given_up_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Index(None, "next_try_at"),
    sa.Index(None, "host"),
)


remote_meshes = sa.Table(
    "remote_meshes",
    metadata,
    sa.Column("mesh_id", sa.Text, primary_key=True),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("progress", sa.Double, nullable=False),
    sa.Column("step", sa.Text),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Index(None, "updated_at"),
)


received_callbacks = sa.Table(
    "received_callbacks",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Index(None, "received_at"),
)
