"""Runs the pipeline over a step's days, and decides which of the days are complete."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.storage.tags import RETRY_NUMBER_TAG

from trackflow.context import Context
from trackflow.defs.days.config import DaysConfig
from trackflow.defs.errors import StepError
from trackflow.defs.partitions import day_of
from trackflow.defs.resources import TrackflowResource
from trackflow.geo.time import runs_of_days
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.days.report import (
    STAGES,
    DayReport,
    RunReport,
    StageReport,
    distinct_messages,
)
from trackflow.usecases.days.sharing import BatchSelection, mark_all, run_alone, run_shared

SEGMENTS, POLYLINES, TRACKS = "segments", "matched_polylines", "tracks"
"""Names of the assets, without the prefix that their keys may have."""

CATEGORIZED = "categorized_tracks"
"""Made of tracks, by another step: it needs no road engine."""

STAGE_OF_ASSET = dict(zip((SEGMENTS, POLYLINES, TRACKS), STAGES, strict=True))
"""The stage of the pipeline that makes each asset."""

CODE_VERSIONS = {SEGMENTS: "2", POLYLINES: "2", TRACKS: "2"}
"""Raise one when the same input would give another result: the UI then shows days made before."""

MOST_MESSAGES = 10

MARKED_TAG = "trackflow/marked"
"""The tag of a run that has marked its days, to be processed again by all who share them."""

type DagsterContext = dg.AssetExecutionContext | dg.OpExecutionContext


@dataclass(frozen=True, slots=True)
class DaysStep:
    """A step that processes days: Dagster's context, trackflow's, and the names of the assets."""

    dagster: DagsterContext
    trackflow: Context
    resource: TrackflowResource

    def key(self, asset: str) -> dg.AssetKey:
        """The key of an asset."""
        return self.resource.key(asset)


@dataclass(slots=True)
class DaysResult:
    """The result of the pipeline for the days of a step."""

    days: list[dt.date]
    assets: list[str]
    report: RunReport

    def of(self, asset: str, day: dt.date) -> list[DayReport]:
        """The reports of one day of one asset."""
        return self.report[STAGE_OF_ASSET[asset]].of_day(day).days

    def of_processed_days(self) -> "DaysResult":
        """The same result without the days that had no work."""
        worked_on = {report.day for stage in self.report.stages for report in stage.days}
        return DaysResult([d for d in self.days if d in worked_on], self.assets, self.report)

    def is_incomplete(self, asset: str, day: dt.date) -> bool:
        """Whether a day must not be shown as done: a batch failed, or all batches wait.

        Where a few batches wait (a bicycle without a network for bicycles), the day is shown as
        done for the others; the check `match_share` shows those that wait.
        """
        reports = self.of(asset, day)
        if any(report.error and not report.deferred for report in reports):
            return True
        return bool(reports) and all(report.deferred for report in reports)


def run_days(
    step: DaysStep, keys: Sequence[str], selected: Sequence[str], config: DaysConfig
) -> DaysResult:
    """Run the stages of the selected assets over the days of these partitions.

    Args:
        step: where this happens.
        keys: of the partitions.
        selected: names of assets.
        config: mode and device.
    """
    assets = [asset for asset in STAGE_OF_ASSET if asset in selected]
    days = [day_of(key) for key in keys]
    return run_stages(step, days, assets, config.mode.value, config.device_id)


def run_stages(
    step: DaysStep, days: list[dt.date], assets: list[str], mode: str, device_id: str = ""
) -> DaysResult:
    """Run the stages of some assets over some days.

    Args:
        step: where this happens; it shows the progress.
        days: in order.
        assets: names of assets, in the order of their stages.
        mode: "bulk" or "incremental".
        device_id: only this device; empty for all.

    Raises:
        TrackflowError: the store is away, or the pipeline refuses the arguments.
    """
    report = RunReport([StageReport(STAGE_OF_ASSET[asset]) for asset in assets])
    selections = [
        BatchSelection(first, last, device_id or None) for first, last in runs_of_days(days)
    ]
    run_mode = pipeline.RunMode(mode)
    if step.trackflow.settings.machines > 1 and run_mode is not pipeline.RunMode.INCREMENTAL:
        _mark_once(step, selections)
    on_progress = _StageLog(step.dagster)
    for selection in selections:
        part = _run_range(
            step.trackflow,
            selection,
            run_mode,
            [STAGE_OF_ASSET[asset] for asset in assets],
            on_progress,
        )
        for whole, new in zip(report.stages, part.stages, strict=True):
            whole.days += new.days
            whole.seconds += new.seconds
    return DaysResult(days, assets, report)


def _mark_once(step: DaysStep, selections: Sequence[BatchSelection]) -> None:
    """Mark the batches to be processed again by all runs that share them.

    A second try goes on with what the first one has marked, if that came so far. It has the tags of
    the first one, as Dagster copies them.
    """
    instance, run_id = step.dagster.instance, step.dagster.run.run_id
    run = instance.get_run_by_id(run_id)
    tags = run.tags if run is not None else {}
    is_again = step.dagster.retry_number > 0 or RETRY_NUMBER_TAG in tags
    if is_again and MARKED_TAG in tags:
        return
    for selection in selections:
        mark_all(step.trackflow, selection)
    instance.add_run_tags(run_id, {MARKED_TAG: "true"})


def _run_range(
    context: Context,
    selection: BatchSelection,
    mode: pipeline.RunMode,
    stages: Sequence[str],
    progress: pipeline.StageProgress,
) -> RunReport:
    """Run stages over a range of days: alone, or shared with the runs of other machines.

    Args:
        context: the store and engines.
        selection: the days, and a device.
        mode: which batches; those of a shared run are marked.
        stages: names of the stages.
        progress: called with a stage, its batches done and all its batches.
    """
    if context.settings.machines > 1:
        return run_shared(context, selection, stages=stages, progress=progress)
    return run_alone(context, selection, mode, stages=stages, progress=progress)


class _StageLog:
    """Logs each stage's progress in tenths: every batch would fill the event log."""

    def __init__(self, context: DagsterContext) -> None:
        self.context = context
        self.logged: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        tenth = done * 10 // total if total else 10
        if tenth > self.logged.get(stage, 0):
            self.logged[stage] = tenth
            self.context.log.info(f"{stage}: {done:,} of {total:,} device-days")


def incomplete_days(outcome: DaysResult) -> list[tuple[str, dt.date]]:
    """Asset and day of those that must not be shown as done."""
    return [
        (asset, day)
        for asset in outcome.assets
        for day in outcome.days
        if outcome.is_incomplete(asset, day)
    ]


def error_of(outcome: DaysResult, incomplete: Sequence[tuple[str, dt.date]]) -> StepError:
    """The error of the incomplete days, with what to do; retried only where that may help."""
    reports = [r for asset, day in incomplete for r in outcome.of(asset, day) if r.error]
    messages = distinct_messages(reports)
    shown = "\n".join(f"- {message}" for message in messages[:MOST_MESSAGES])
    more = len(messages) - MOST_MESSAGES
    names = sorted({asset for asset, _ in incomplete}, key=outcome.assets.index)
    days = {day for _, day in incomplete}
    return StepError(
        f"{', '.join(names)}: {len(days)} of {len(outcome.days)} days are not complete. "
        "Everything else is stored; what is missing stays pending.\n"
        f"{shown}" + (f"\nand {more} more" if more > 0 else ""),
        metadata={"incomplete_days": len(days), "device_days": len(reports)},
        retryable=all(r.deferred and not r.lacks_network for r in reports),
    )
