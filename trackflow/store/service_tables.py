"""The tables of the service itself: access, jobs, workers, breakers, inbox and followed tables."""

import sqlalchemy as sa

from trackflow.store.table_base import metadata
from trackflow.store.types import UtcTime

access_tokens = sa.Table(
    "access_tokens",
    metadata,
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("device_id", sa.Text),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("revoked_at", UtcTime),
    sa.CheckConstraint("scope IN ('ingest', 'read', 'admin')", name="known_scope"),
)


# The newest row decides whether requests of this machine need a token; without rows, they need one
# once a token has existed. `trackflow.store.access.no_token` writes the rows.
no_token_changes = sa.Table(
    "no_token_changes",
    metadata,
    sa.Column(
        "change_no",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("is_on", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)


jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="queued"),
    sa.Column("total", sa.Integer),
    sa.Column("completed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("message", sa.Text),
    sa.Column("parameters", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("result", sa.JSON),
    sa.Column("error", sa.Text),
    sa.Column("dagster_run_id", sa.Text),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seconds_left", sa.Double),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("heartbeat_at", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    sa.CheckConstraint(
        "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="known_status"
    ),
    sa.Index(None, "status", "created_at"),
)


live_workers = sa.Table(
    "live_workers",
    metadata,
    sa.Column("worker_id", sa.Uuid, primary_key=True),
    sa.Column("dagster_run_id", sa.Text),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("heartbeat_at", UtcTime, nullable=False),
    sa.Column("batches_done", sa.BigInteger, nullable=False, server_default="0"),
)


service_marks = sa.Table(
    "service_marks",
    metadata,
    # "retention": the time of its last run; "health": the last write of the health check
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("noted_at", UtcTime, nullable=False),
)


breakers = sa.Table(
    "breakers",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("failures_in_row", sa.Integer, nullable=False, server_default="0"),
    sa.Column("open_until", UtcTime),
    sa.Column("probe_until", UtcTime),
    sa.Column("last_error", sa.Text),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("openings", sa.BigInteger, nullable=False, server_default="0"),
)


service_limits = sa.Table(
    "service_limits",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("connections", sa.Integer),
    sa.Column("next_turn_at", UtcTime),
    sa.Column("rest_until", UtcTime),
    sa.Column("requests", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("timeouts", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("broken", sa.BigInteger, nullable=False, server_default="0"),
)


service_leases = sa.Table(
    "service_leases",
    metadata,
    sa.Column("service", sa.Text, primary_key=True),
    sa.Column("process_id", sa.Uuid, primary_key=True),
    sa.Column("wanted", sa.Integer, nullable=False),
    sa.Column("granted", sa.Integer, nullable=False),
    sa.Column("in_use", sa.Integer, nullable=False),
    sa.Column("waiting", sa.Integer, nullable=False),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Column("lease_until", UtcTime, nullable=False),
)


live_pools = sa.Table(
    "live_pools",
    metadata,
    sa.Column("pool", sa.Text, primary_key=True),
    sa.Column("process_id", sa.Uuid, primary_key=True),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("running", sa.Integer, nullable=False),
    sa.Column("waiting", sa.Integer, nullable=False),
    sa.Column("given_up", sa.Integer, nullable=False),
    sa.Column("lease_until", UtcTime, nullable=False),
)


followed_tables = sa.Table(
    "followed_tables",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("last_id", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("missing_ids", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("updated_at", UtcTime, nullable=False),
)


inbox_files = sa.Table(
    "inbox_files",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("modified_at", UtcTime, nullable=False),
    sa.Column("points_added", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refused", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    sa.Column("imported_at", UtcTime, nullable=False),
)
