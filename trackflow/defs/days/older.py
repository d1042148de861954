"""Days before the first partition: worked on by a job without partitions.

Points of such days may come in at any time: a phone that was off for a week, an import of another
decade. Dagster refuses runs of partitions that it did not know when it loaded the definitions.
"""

import datetime as dt

import dagster as dg
from pydantic import Field

from trackflow.defs.days.config import Mode
from trackflow.defs.days.running import STAGE_OF_ASSET, log_days, run_stages
from trackflow.defs.partitions import day_of
from trackflow.defs.resources import TrackflowResource


class OlderDaysConfig(dg.Config):
    """Which days, and how they are worked on."""

    first: str = Field(description="The first day, such as 2008-03-01.")
    last: str = Field(description="The last day, included.")
    mode: Mode = Field(
        default=Mode.incremental,
        description="incremental: what is pending; bulk: every device of these days again.",
    )
    segments_only: bool = Field(
        default=False, description="Leave out roads and tracks, for want of a road network."
    )


@dg.op(
    name="process_older_days",
    description="Works on days before the first partition and reports each one that it did. They "
    "are shown among the partitions once the definitions are loaded again (Deployment, Reload).",
)
def process_older_days(
    context: dg.OpExecutionContext,
    config: OlderDaysConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Run the stages over the range and report each day by itself."""
    first, last = day_of(config.first), day_of(config.last)
    days = [first + dt.timedelta(days=k) for k in range((last - first).days + 1)]
    assets = list(STAGE_OF_ASSET)[: 1 if config.segments_only else None]
    with trackflow.open() as trackflow_context:
        outcome = run_stages(context, trackflow_context, days, assets, config.mode.value)
        log_days(context, trackflow_context, outcome.of_days_worked_on())


@dg.job(
    name="process_older_days_job",
    description="Segments, matched polylines and tracks of days before the first partition.",
    tags={
        "trackflow/kind": "days",  # as for the job on partitions: one at a time
        "dagster/max_runtime": str(12 * 3600),
    },
)
def process_older_days_job() -> None:
    """One op."""
    process_older_days()
