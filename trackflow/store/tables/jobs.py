"""Long pieces of work, live workers and what the service notes for itself."""

import sqlalchemy as sa

from trackflow.store.tables.base import metadata
from trackflow.store.types import UtcTime

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.Uuid, primary_key=True, doc="Id that `trackflow jobs list` shows."),
    sa.Column(
        "kind", sa.Text, nullable=False, doc="What it does, such as `rebuild` or `catalogue_sync`."
    ),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="queued",
        doc="queued, running, completed, failed or cancelled.",
    ),
    sa.Column("total", sa.Integer, doc="Items to do; none before they are counted."),
    sa.Column("completed", sa.Integer, nullable=False, server_default="0", doc="Items done."),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0", doc="Items that failed."),
    sa.Column("message", sa.Text, doc="What it is doing now."),
    sa.Column(
        "parameters", sa.JSON, nullable=False, server_default="{}", doc="What it was asked for."
    ),
    sa.Column("result", sa.JSON, doc="What came of it."),
    sa.Column("error", sa.Text, doc="Why it failed."),
    sa.Column("dagster_run_id", sa.Text, doc="The Dagster run that works on it."),
    sa.Column(
        "cancel_requested",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        doc="Whether a person asked it to stop.",
    ),
    sa.Column(
        "tries", sa.Integer, nullable=False, server_default="0", doc="How often it was started."
    ),
    sa.Column("seconds_left", sa.Double, doc="Estimate of the seconds that it still needs."),
    sa.Column(
        "epoch",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        doc="Grows with each claim; a worker that lost the job changes nothing.",
    ),
    sa.Column("heartbeat_at", UtcTime, doc="Last sign of life of its worker."),
    sa.Column("created_at", UtcTime, nullable=False, doc="When the row was made."),
    sa.Column("started_at", UtcTime, doc="When it was first started."),
    sa.Column("finished_at", UtcTime, doc="When it ended."),
    sa.CheckConstraint(
        "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="known_status"
    ),
    sa.Index(None, "status", "created_at"),
    info={"doc": "Long pieces of work that a person watches: progress, result and error."},
)

live_workers = sa.Table(
    "live_workers",
    metadata,
    sa.Column("worker_id", sa.Uuid, primary_key=True, doc="The worker."),
    sa.Column("dagster_run_id", sa.Text, doc="Its Dagster run."),
    sa.Column("started_at", UtcTime, nullable=False, doc="When it started."),
    sa.Column("heartbeat_at", UtcTime, nullable=False, doc="Its last sign of life."),
    sa.Column(
        "batches_done",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        doc="Batches that it has completed.",
    ),
    info={"doc": "Live workers that are running, each a Dagster run."},
)

service_marks = sa.Table(
    "service_marks",
    metadata,
    sa.Column(
        "name",
        sa.Text,
        primary_key=True,
        doc="`retention`: the moment that its last run went by; `health`: when writing was last "
        "tried.",
    ),
    sa.Column("noted_at", UtcTime, nullable=False, doc="The moment."),
    info={"doc": "Moments that the service notes for itself, by name."},
)
