"""Runs over days that other runs work on as well, on other machines: they share by claims.

Each takes the batches that nobody has claimed. When none is left, a run waits for those of the
others: their results may make more work (a neighbouring day is matched again), and a worker that
dies leaves its batches to the rest.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any

from trackflow.context import Context
from trackflow.store.days import batch_lists, selected_batches
from trackflow.store.days.batch_lists import Pair
from trackflow.store.days.selected_batches import BatchSelection as BatchSelection
from trackflow.store.tables import STAGES
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import RunMode, StageProgress, run

log = logging.getLogger(__name__)

POLL_S = 1.0
"""Seconds between two looks at what the others have claimed."""


def mark_all(context: Context, selection: BatchSelection) -> None:
    """Mark batches to be processed again by all who share them: the shared form of `bulk`."""
    with context.store.write() as connection:
        selected_batches.mark_again(connection, selection, context.clock())


def run_shared(
    context: Context,
    selection: BatchSelection,
    *,
    stages: Sequence[str] = STAGES,
    progress: StageProgress | None = None,
    is_helper: bool = False,
    poll_s: float = POLL_S,
) -> RunReport:
    """Process pending batches beside other runs, until no run has any of them left.

    Args:
        context: the store and engines.
        selection: days and device.
        stages: names of the stages to run, in order.
        progress: called with a stage, its batches done and all its batches.
        is_helper: begin with the largest devices, with which the others end.
        poll_s: seconds between two looks at what the others have claimed.

    Returns:
        What this run has done.
    """
    whole: RunReport | None = None
    while True:
        report = run(
            context,
            first=selection.first,
            last=selection.last,
            device_id=selection.device_id,
            stages=stages,
            progress=progress,
            heavy_first=is_helper,
        )
        whole = report if whole is None else _joined(whole, report)
        # what has just failed or waits for a road engine is not tried again at once
        stuck = {(problem.device_id, problem.day) for problem in report.problems}
        waited = _wait_for_others(context, selection, stages, stuck, poll_s)
        if not waited and not _due(context, selection, stages) - stuck:
            return _without_done_by_others(context, selection, whole)


def run_alone(
    context: Context,
    selection: BatchSelection,
    mode: RunMode,
    *,
    stages: Sequence[str] = STAGES,
    progress: StageProgress | None = None,
    poll_s: float = POLL_S,
) -> RunReport:
    """Process batches on the only machine, and at the end those that another process has held.

    It may have been killed. Its batches are free once their leases have ended: without a wait they
    would be missing where the run is said to have gone well.

    Args:
        context: the store and engines.
        selection: days and device.
        mode: which batches to process.
        stages: names of the stages to run, in order.
        progress: called with a stage, its batches done and all its batches.
        poll_s: seconds between two looks at what is held.
    """
    asked: Any = {
        "first": selection.first,
        "last": selection.last,
        "device_id": selection.device_id,
        "stages": stages,
        "progress": progress,
    }
    report = run(context, mode=mode, **asked)
    held = _claims(context, selection)
    if not held:
        return report
    log.info("another process has claimed %d device-days: waiting for it", len(held))
    while held.items() & _claims(context, selection).items():  # a later claim has another epoch
        time.sleep(poll_s)
    return _joined(report, run(context, **asked))


def _without_done_by_others(
    context: Context, selection: BatchSelection, report: RunReport
) -> RunReport:
    """The report without batches that this run had to give up, and that another one completed."""
    with context.store.read() as connection:
        left = batch_lists.unfinished(
            connection,
            first=selection.first,
            last=selection.last,
            device_id=selection.device_id,
        )
    for stage in report.stages:
        stage.days = [r for r in stage.days if not r.deferred or (r.device_id, r.day) in left]
    return report


def _wait_for_others(
    context: Context,
    selection: BatchSelection,
    stages: Sequence[str],
    stuck: set[Pair],
    poll_s: float,
) -> bool:
    """Wait until there is something to do or nobody holds a claim; whether anyone held one.

    Args:
        context: the store.
        selection: days and device.
        stages: what there may be to do.
        stuck: batches that are nothing to do, although they are due.
        poll_s: seconds between two looks.
    """
    waited = False
    while _claims(context, selection):
        waited = True
        if _due(context, selection, stages) - stuck:
            break
        time.sleep(poll_s)
    return waited


def _claims(context: Context, selection: BatchSelection) -> dict[Pair, int]:
    with context.store.read() as connection:
        return selected_batches.claims(
            connection, selection, context.clock(), context.settings.lease_s
        )


def _due(context: Context, selection: BatchSelection, stages: Sequence[str]) -> set[Pair]:
    with context.store.read() as connection:
        return {
            pair
            for stage in stages
            for pair in batch_lists.pending(
                connection,
                stage,
                context.clock(),
                first=selection.first,
                last=selection.last,
                device_id=selection.device_id,
                lease_s=context.settings.lease_s,
            )
        }


def _joined(whole: RunReport, more: RunReport) -> RunReport:
    """Both reports as one; what rests and what was given up is as the later one says."""
    for stage, later in zip(whole.stages, more.stages, strict=True):
        redone = {(report.device_id, report.day): report for report in later.days}
        for report in stage.days:
            again = redone.setdefault((report.device_id, report.day), report)
            again.changed |= report.changed
        stage.days = list(redone.values())
        stage.days.sort(key=lambda report: (report.day, report.device_id))
        stage.seconds += later.seconds
        stage.resting = later.resting
    whole.given_up = more.given_up
    return whole
