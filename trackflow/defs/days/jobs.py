"""The jobs over days: partitions, days before the first partition, live work.

Days before the first partition have a job without partitions. Points of such days may arrive at any
time: a phone that was off for a week, an import of another decade. Dagster refuses runs of
partitions that did not exist when it loaded the definitions.

Live work is one long run instead of a run per delivery: starting one takes seconds, and thousands
of them a day would bury the others.
"""

import functools
import operator

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)
from pydantic import Field

from trackflow.defs.categories.reporting import log_followed
from trackflow.defs.days.checks import newest_settled_day_is_made
from trackflow.defs.days.config import BatchChoice
from trackflow.defs.days.live import LiveReporter
from trackflow.defs.days.reporting import log_days
from trackflow.defs.days.running import STAGE_OF_ASSET, TRACKS, DaysStep, run_stages
from trackflow.defs.errors import step
from trackflow.defs.partitions import day_of
from trackflow.defs.pools import ROAD_ENGINE
from trackflow.defs.resources import TrackflowResource
from trackflow.geo.time import days_between
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.live import follow_live
from trackflow.usecases.days.report import STAGES

TAGS = {"trackflow/subject": "days"}

CHECK_DAYS_JOB = "check_days_job"

# By tag, not by key: keys may have a prefix.
process_days_job = dg.define_asset_job(
    "process_days_job",
    selection=functools.reduce(
        operator.or_,
        (dg.AssetSelection.tag("trackflow/stage", stage) for stage in STAGES),
    ),
    description="Segments, matched polylines and tracks of one day or of a range of days.",
    tags=TAGS
    | {
        "trackflow/kind": "days",  # dagster.yaml lets one run of a kind run at a time
        # a run whose machine died stays "started" for ever and would block the queue
        "dagster/max_runtime": str(12 * 3600),
    },
)


class OlderDaysConfig(dg.Config):
    """The days, and the way to process them."""

    first: str = Field(description="The first day, such as 2008-03-01.")
    last: str = Field(description="The last day, included.")
    mode: BatchChoice = Field(
        default=BatchChoice.incremental,
        description="incremental: what is pending; bulk: every device of these days again.",
    )
    segments_only: bool = Field(
        default=False, description="Leave out roads and tracks, for want of a road network."
    )


@dg.op(
    name="process_older_days",
    description="Works on days before the first partition and reports each one that it did. They "
    "are shown among the partitions once the definitions are loaded again (Deployment, Reload).",
    pool=ROAD_ENGINE,
)
@step
def process_older_days(
    context: dg.OpExecutionContext,
    config: OlderDaysConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Run the stages over the range and report each day by itself."""
    days = list(days_between(day_of(config.first), day_of(config.last)))
    assets = list(STAGE_OF_ASSET)[: 1 if config.segments_only else None]
    with trackflow.open() as trackflow_context:
        of_days = DaysStep(context, trackflow_context, trackflow)
        outcome = run_stages(of_days, days, assets, config.mode.value)
        log_days(of_days, outcome.of_processed_days())
        followed = follow_tracks(trackflow_context, first=days[0], last=days[-1])
        log_followed(of_days, followed.days)


@dg.job(
    name="process_older_days_job",
    description="Segments, matched polylines and tracks of days before the first partition.",
    tags=TAGS
    | {
        "trackflow/kind": "days",  # as for the job on partitions: one at a time
        "dagster/max_runtime": str(12 * 3600),
    },
)
def process_older_days_job() -> None:
    """One op."""
    process_older_days()


class LiveConfig(dg.Config):
    """The time that the live worker runs."""

    idle_min: float = Field(
        default=10.0, gt=0, description="End when no point has arrived for so many minutes."
    )
    longest_min: float = Field(
        default=60.0, gt=0, description="End after so many minutes; the sensor starts the next."
    )


# In no pool: it runs for an hour, and would keep a backfill from a single slot for as long.
@dg.op(
    name="follow_live",
    description="Works on points of yesterday and today within seconds of their arrival, and "
    "reports the days that it changed every few minutes.",
)
@step
def follow_live_op(
    context: dg.OpExecutionContext,
    config: LiveConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Process new points until none have arrived for a while."""
    with trackflow.open() as trackflow_context:
        reporter = LiveReporter(context, trackflow_context, trackflow)
        done = follow_live(
            trackflow_context,
            idle_s=config.idle_min * 60,
            longest_s=config.longest_min * 60,
            on_report=reporter.add,
            on_followed=reporter.follow,
            run_id=context.run_id,
        )
        reporter.report()
    context.log.info(f"{done:,} device-days were processed")


@dg.job(
    name="live_job",
    description="Follows what devices report: segments, lines and tracks of yesterday and today, "
    "within seconds.",
    tags=TAGS
    | {
        # a run whose machine died stays "started" for ever; the heartbeat in the store, not this
        # run's status, decides whether the sensor starts another one
        "dagster/max_runtime": str(2 * 3600),
        "dagster/priority": "10",
    },
)
def live_job() -> None:
    """One op."""
    follow_live_op()


def check_days_job(trackflow: TrackflowResource) -> UnresolvedAssetJobDefinition:
    """The job of a check that has to run even when no day is processed."""
    check = dg.AssetCheckKey(trackflow.key(TRACKS), newest_settled_day_is_made.check_key.name)
    return dg.define_asset_job(
        CHECK_DAYS_JOB,
        selection=dg.AssetSelection.checks(check),
        description="Looks whether the newest settled day is made.",
        tags=TAGS | {"trackflow/kind": "days-checks", "dagster/max_runtime": "3600"},
    )
