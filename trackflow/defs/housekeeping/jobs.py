"""The jobs that delete old data every day."""

import dagster as dg
from pydantic import Field

from trackflow.defs.errors import step
from trackflow.defs.housekeeping.runs import prune_runs
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.housekeeping.months import make_months_ahead
from trackflow.usecases.housekeeping.retention import apply_retention, approved_day

TAGS = {"trackflow/subject": "housekeeping"}


class RetentionConfig(dg.Config):
    """Approvals that a person gives in the launchpad."""

    approve: str = Field(
        default="",
        description="A day, such as 2026-01-31: what is older is deleted where the run would stop "
        "and ask, but never more than the setting says by the clock. Empty: stop and ask.",
    )


@dg.op(
    name="apply_retention",
    description="Deletes points, and what was made of them, that are older than "
    "TRACKFLOW_RETENTION_DAYS, counted from the clock or the newest points, whichever keeps more. "
    "Fails, and deletes nothing, where that would be more than half of all days or the clock has "
    "jumped. Nothing if the setting is 0.",
)
@step
def retention_op(
    context: dg.OpExecutionContext,
    config: RetentionConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Delete old data and report the number of rows."""
    with trackflow.open() as trackflow_context:
        report = apply_retention(trackflow_context, approved_day(config.approve))
    if report.lifted:
        context.log.info(f"{report.lifted} devices take older points again.")
    if report.edge is None:
        context.log.info("Everything is kept: TRACKFLOW_RETENTION_DAYS is not set.")
        return
    context.add_output_metadata(
        {
            "kept_from": report.edge.isoformat(),
            "kept_from_by_clock": str(report.edge_by_clock),
            "devices": report.devices,
            "months_dropped": report.months_dropped,
            "months_left": report.months_left,
            **{f"deleted/{name}": count for name, count in report.rows.items()},
        }
    )


@dg.op(
    name="make_months",
    description="Makes the partitions of this month and of the next three on PostgreSQL, before "
    "any point needs them. Nothing on SQLite.",
)
@step
def make_months_op(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Make partitions and report their number."""
    with trackflow.open() as trackflow_context:
        made = make_months_ahead(trackflow_context)
    context.add_output_metadata({"months_made": made})


@dg.op(
    name="prune_runs",
    description="Deletes Dagster's records of runs that started by themselves, finished more than "
    "a week ago, and are not the last to have made some day.",
)
@step
def prune_runs_op(
    context: dg.OpExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> None:
    """Delete old records of runs and report their number."""
    with trackflow.open() as trackflow_context:
        now = trackflow_context.clock()
    context.add_output_metadata({"runs": prune_runs(context.instance, now)})


@dg.job(
    name="housekeeping_job",
    description="Makes the tables of the next months, deletes what is older than it may get, and "
    "records of old runs.",
    tags=TAGS | {"trackflow/kind": "housekeeping", "dagster/max_runtime": str(6 * 3600)},
)
def housekeeping_job() -> None:
    """Ops that do not depend on each other."""
    make_months_op()
    retention_op()
    prune_runs_op()
