"""The tables of monitoring: alerts, which channels have got them, sums of work, and free space."""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    # of an alert about one device; empty for the others
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    # since when its rule no longer finds it; None while it does
    sa.Column("clear_since", UtcTime),
    # None while it is on
    sa.Column("ended_at", UtcTime),
)


# One row per alert and channel: what has been sent to the channel. An alert that differs is due.
alert_channels = sa.Table(
    "alert_channels",
    metadata,
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("device_id", sa.Text, primary_key=True),
    # a hash of the channel's address, which may hold a password
    sa.Column("channel", sa.Text, primary_key=True),
    # begun or ended; None before the first message
    sa.Column("heard", sa.Text),
    sa.Column("heard_at", UtcTime),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try_at", UtcTime, nullable=False),
    sa.Index(None, "channel"),
)


# Sums that only grow. Written after the work, beside it: a killed run's last sums are lost.
work_counters = sa.Table(
    "work_counters",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("total", sa.Double, nullable=False, server_default="0"),
)


disk_samples = sa.Table(
    "disk_samples",
    metadata,
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("sampled_at", UtcTime, primary_key=True),
    sa.Column("free_bytes", sa.BigInteger, nullable=False),
)
