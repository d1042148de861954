"""The jobs that delete old data every day."""

import dagster as dg
from pydantic import Field

from trackflow.defs.errors import step
from trackflow.defs.housekeeping.runs import prune_runs
from trackflow.defs.resources import TrackflowResource
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
            **{f"deleted/{name}": count for name, count in report.rows.items()},
        }
    )


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
    description="Deletes what is older than it may get, and records of old runs.",
    tags=TAGS | {"trackflow/kind": "housekeeping", "dagster/max_runtime": str(6 * 3600)},
)
def housekeeping_job() -> None:
    """Two ops that do not depend on each other."""
    retention_op()
    prune_runs_op()
