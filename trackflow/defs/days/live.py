"""Reports live work to Dagster: each changed day, every few minutes."""

import datetime as dt
import time

import dagster as dg

from trackflow.context import Context
from trackflow.defs.categories.reporting import log_followed
from trackflow.defs.days.reporting import log_complete_days
from trackflow.defs.days.running import STAGE_OF_ASSET, DaysResult, DaysStep
from trackflow.defs.partitions import may_be_shown
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.categories.following import FollowReport
from trackflow.usecases.days.report import STAGES, RunReport, StageReport, distinct_messages

REPORT_EVERY_S = 300.0
"""Seconds between reports of days that change all the time; they are also reported at the end."""


class LiveReporter:
    """Gathers the reports of passes, and reports each day's assets and checks from time to time."""

    def __init__(
        self,
        context: dg.OpExecutionContext,
        trackflow_context: Context,
        resource: TrackflowResource,
    ) -> None:
        self.step = DaysStep(context, trackflow_context, resource)
        self.logged: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self.gathered = RunReport([StageReport(stage) for stage in STAGES])
        self.followed: set[dt.date] = set()
        self.since = time.monotonic()

    def add(self, report: RunReport) -> None:
        """Add the report of one pass."""
        for whole, new in zip(self.gathered.stages, report.stages, strict=True):
            whole.days += new.days
        for message in distinct_messages(report.problems):
            if message not in self.logged:
                self.logged.add(message)
                self.step.dagster.log.warning(message)
        if time.monotonic() - self.since >= REPORT_EVERY_S:
            self.report()

    def follow(self, report: FollowReport) -> None:
        """Add what one pass has made of its tracks."""
        self.followed.update(report.days)
        for message in report.errors.values():
            if message not in self.logged:
                self.logged.add(message)
                self.step.dagster.log.warning(message)

    def report(self) -> None:
        """Log each changed day of each asset as a materialization."""
        changed = {done.day for stage in self.gathered.stages for done in stage.done}
        days = [day for day in sorted(changed) if may_be_shown(day)]
        log_complete_days(self.step, DaysResult(days, list(STAGE_OF_ASSET), self.gathered))
        log_followed(self.step, sorted(self.followed))
        self._reset()
