"""The run that follows what devices report, from the first point until nothing comes any more.

One long run instead of a run per delivery: starting one takes seconds, and thousands of them a day
would bury the others.
"""

import time

import dagster as dg
from pydantic import Field

from trackflow.context import Context
from trackflow.defs.days.running import STAGE_OF_ASSET, Outcome, log_complete_days
from trackflow.defs.partitions import may_be_shown
from trackflow.defs.resources import TrackflowResource
from trackflow.store.tables import STAGES
from trackflow.usecases.days.live import follow_live
from trackflow.usecases.days.report import RunReport, StageReport, distinct_messages

REPORT_EVERY_S = 300.0
"""Days that change all the time are reported as materialized this often, and at the end."""


class LiveConfig(dg.Config):
    """How long the live worker stays."""

    idle_min: float = Field(
        default=10.0, gt=0, description="End when no point has come in for so many minutes."
    )
    longest_min: float = Field(
        default=60.0, gt=0, description="End after so many minutes; the sensor starts the next."
    )


@dg.op(
    name="follow_live",
    description="Works on points of yesterday and today within seconds of their arrival, and "
    "reports the days that it changed every few minutes.",
)
def follow_live_op(
    context: dg.OpExecutionContext,
    config: LiveConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Follow until it has been quiet for a while."""
    with trackflow.open() as trackflow_context:
        reporter = _Reporter(context, trackflow_context)
        done = follow_live(
            trackflow_context,
            idle_s=config.idle_min * 60,
            longest_s=config.longest_min * 60,
            told=reporter.heard,
            run_id=context.run_id,
        )
        reporter.report()
    context.log.info(f"{done:,} device-days were worked on")


class _Reporter:
    """Gathers what was done and reports each day's assets from time to time."""

    def __init__(self, context: dg.OpExecutionContext, trackflow_context: Context) -> None:
        self.context, self.trackflow_context = context, trackflow_context
        self.said: set[str] = set()
        self._start_anew()

    def _start_anew(self) -> None:
        self.gathered = RunReport([StageReport(stage) for stage in STAGES])
        self.since = time.monotonic()

    def heard(self, report: RunReport) -> None:
        """One pass."""
        for whole, new in zip(self.gathered.stages, report.stages, strict=True):
            whole.days += new.days
        for message in distinct_messages(report.problems):
            if message not in self.said:
                self.said.add(message)
                self.context.log.warning(message)
        if time.monotonic() - self.since >= REPORT_EVERY_S:
            self.report()

    def report(self) -> None:
        """Each changed day of each asset as a materialization."""
        changed = {done.day for stage in self.gathered.stages for done in stage.done}
        days = [day for day in sorted(changed) if may_be_shown(day)]
        outcome = Outcome(days, list(STAGE_OF_ASSET), self.gathered)
        log_complete_days(self.context, self.trackflow_context, outcome)
        self._start_anew()


@dg.job(
    name="live_job",
    description="Follows what devices report: segments, lines and tracks of yesterday and today, "
    "within seconds.",
    tags={
        # a run whose machine died stays "started" for ever; the heartbeat in the store, not this
        # run's status, decides whether the sensor starts another one
        "dagster/max_runtime": str(2 * 3600),
        "dagster/priority": "10",
    },
)
def live_job() -> None:
    """One op."""
    follow_live_op()
