"""Runs stages over many batches: in this process, or spread over several.

Stages run one after another over all batches, because matching reads the neighbouring days'
segments and merging reads their lines. Within a stage batches are independent.
"""

import datetime as dt
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext

from trackflow.context import Context
from trackflow.store.days import batch_lists, batch_marks
from trackflow.store.devices import settings as devices
from trackflow.store.tables import STAGES
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days import segmenting
from trackflow.usecases.days.expiry import free_expired
from trackflow.usecases.days.modes import RunMode as RunMode
from trackflow.usecases.days.report import RunReport, StageReport
from trackflow.usecases.days.units import Unit
from trackflow.usecases.days.worker_pool import WorkerPool, worker_pool
from trackflow.usecases.housekeeping.counting import add_sums, sums_of_stage
from trackflow.usecases.intake.readmitting import readmit
from trackflow.usecases.roads.rematching import match_outdated_again

type StageProgress = Callable[[str, int, int], None]
"""Called with the stage, batches done and batches in all."""

UNIT_DAYS = {"segmented": segmenting.RANGE_DAYS, "matched": 4, "tracked": 366}
"""Days of a device that one worker takes at a time: few where a day is slow, many where days share
what they read. Chains of days must not be split between workers that would wait for each other."""

BACKGROUND_NICE = 5
"""Niceness of a run's workers: a backfill uses idle processors, and live points do not wait for
it."""

SETTLING = max(dt.timedelta(hours=6), dt.timedelta(seconds=Thresholds().reach_s))
"""Time after midnight: the reach of the default thresholds, and time for late reports."""

UNITS_PER_WORKER = 4
"""Devices are segmented together as long as so many units are left for each worker."""


def run(
    context: Context,
    *,
    mode: RunMode = RunMode.INCREMENTAL,
    first: dt.date | None = None,
    last: dt.date | None = None,
    device_id: str | None = None,
    stages: Sequence[str] = STAGES,
    progress: StageProgress | None = None,
    pool: "WorkerPool | None" = None,
) -> RunReport:
    """Process batches, stage by stage.

    `incremental` takes pending batches, `bulk` all batches of the range again, `daily` all batches
    of yesterday, once it is settled (of the day before, until then). A caller that runs repeatedly
    passes a `pool`, so that its processes are not started each time.

    Args:
        context: the store and engines.
        mode: which batches to process.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
        device_id: only this device; None for all.
        stages: names of the stages to run, in order.
        progress: called with a stage, its batches done and all its batches.
        pool: worker processes to use again; None starts some if needed.

    Raises:
        SettingsError: there is no such device.
    """
    if device_id is not None:
        with context.store.read() as connection:
            devices.known(device_id, devices.device_ids(connection))
    if mode is RunMode.DAILY:
        first = last = settled_day(context.clock())
    readmit(context)
    free_expired(context)
    match_outdated_again(context)
    report = RunReport()
    with nullcontext(pool) if pool else worker_pool(context.settings, nice=BACKGROUND_NICE) as pool:
        for stage in stages:
            with context.store.read() as connection:
                wanted = batch_lists.pending(
                    connection,
                    stage,
                    context.clock(),
                    first=first,
                    last=last,
                    device_id=device_id,
                    every=mode is not RunMode.INCREMENTAL,
                    lease_s=context.settings.lease_s,
                )
            force = mode is not RunMode.INCREMENTAL
            report.stages.append(_run_stage(context, pool, stage, wanted, force, progress))
    _count(context, report)
    with context.store.read() as connection:
        report.given_up = batch_lists.counts(connection, first, last)["failed"]
        for stage_report in report.stages:
            stage_report.resting = batch_lists.resting(
                connection,
                stage_report.stage,
                context.clock(),
                first=first,
                last=last,
                device_id=device_id,
            )
    return report


def _count(context: Context, report: RunReport) -> None:
    stages = [stage for stage in report.stages if stage.days]
    if stages:
        sums = sum((sums_of_stage(stage) for stage in stages), Counter())
        add_sums(context, sums, {stage.stage: stage.seconds for stage in stages})


def retry_failed(context: Context) -> int:
    """Make batches pending again that failed after too many tries; returns their number."""
    with context.store.write() as connection:
        return batch_marks.retry_failed(connection, context.clock())


def settled_day(moment: dt.datetime) -> dt.date:
    """The newest day whose late evening is complete: points that decide its cuts are there."""
    return (moment - SETTLING - dt.timedelta(days=1)).date()


def _run_stage(
    context: Context,
    pool: "WorkerPool",
    stage: str,
    wanted: Unit,
    force: bool,
    progress: StageProgress | None,
) -> StageReport:
    started = time.perf_counter()
    report = StageReport(stage)
    units = list(_units(wanted, UNIT_DAYS[stage]))
    if stage == segmenting.STAGE:
        spread = (
            UNITS_PER_WORKER * context.settings.workers if pool.is_for(units, len(wanted)) else 1
        )
        units = list(_joined(units, min(len(wanted) // spread, UNIT_DAYS[stage])))
    for days in pool.map(context, stage, units, force, len(wanted)):
        report.days += days
        if progress:
            progress(stage, len(report.days), len(wanted))
    report.days.sort(key=lambda day: (day.day, day.device_id))
    report.seconds = time.perf_counter() - started
    return report


def _units(wanted: Unit, size: int) -> Iterator[Unit]:
    """Split days into units, each of one device."""
    for _, pairs in itertools.groupby(wanted, key=lambda pair: pair[0]):
        yield from map(list, itertools.batched(pairs, size))


def _joined(units: Sequence[Unit], size: int) -> Iterator[Unit]:
    """Join units, up to a number of days."""
    joined: Unit = []
    for unit in units:
        if joined and len(joined) + len(unit) > size:
            yield joined
            joined = []
        joined = joined + unit
    if joined:
        yield joined
