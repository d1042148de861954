"""Runs stages over many batches: in this process, or spread over several.

Stages run one after another over all batches, because matching reads the neighbouring days'
segments and merging reads their lines. Within a stage batches are independent. Devices with far
more points than others go through the later stages after them.
"""

import datetime as dt
import itertools
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.store.days import batch_lists, batch_marks
from trackflow.store.days.batch_lists import PendingBatch
from trackflow.store.days.due_batches import MATCHED, known_to_lack_network
from trackflow.store.devices import settings as devices
from trackflow.store.tables import STAGES
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days import segmenting
from trackflow.usecases.days.expiry import free_expired
from trackflow.usecases.days.modes import RunMode as RunMode
from trackflow.usecases.days.report import DayReport, RunReport, StageReport
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

SETTLING = max(dt.timedelta(hours=7), dt.timedelta(seconds=Thresholds().reach_s))
"""Time after midnight: the reach of the default thresholds, and time for late reports."""

HEAVY_POINTS, HEAVY_FACTOR = 20_000, 10
"""Points of a device from which on it may hold up others, and how many times those of the median
device that must be."""

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
    heavy_first: bool = False,
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
        heavy_first: begin with devices that have far more points than others, not end with them.

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
    chosen = _RunSelection(mode, first, last, device_id)
    report = RunReport([StageReport(stage) for stage in stages])
    with nullcontext(pool) if pool else worker_pool(context.settings, nice=BACKGROUND_NICE) as pool:
        # segmenting takes little time, and counts the points
        if segmenting.STAGE in stages:
            wanted = chosen.batches(context, segmenting.STAGE)
            _run_stage(context, pool, report[segmenting.STAGE], wanted, chosen, progress)
        for wave in _waves(chosen, context, stages, heavy_first=heavy_first):
            for stage in stages:
                if stage != segmenting.STAGE:
                    wanted = [b for b in chosen.batches(context, stage) if wave(b.device_id)]
                    if stage == MATCHED and not chosen.force:
                        wanted = _with_network(context, chosen, wanted, report[stage])
                    _run_stage(context, pool, report[stage], wanted, chosen, progress)
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


@dataclass(frozen=True, slots=True)
class _RunSelection:
    """The batches that a run was asked for."""

    mode: RunMode
    first: dt.date | None
    last: dt.date | None
    device_id: str | None

    @property
    def force(self) -> bool:
        """Whether batches without work are processed too."""
        return self.mode is not RunMode.INCREMENTAL

    def batches(self, context: Context, stage: str) -> list[PendingBatch]:
        """Those that a stage has to process now."""
        with context.store.read() as connection:
            return batch_lists.pending_batches(
                connection,
                stage,
                context.clock(),
                first=self.first,
                last=self.last,
                device_id=self.device_id,
                every=self.force,
                lease_s=context.settings.lease_s,
            )


def _with_network(
    context: Context,
    chosen: _RunSelection,
    wanted: Sequence[PendingBatch],
    report: StageReport,
) -> list[PendingBatch]:
    """Batches without those that are known to lack a road network.

    They are in the report as before, but are not claimed and read: of years that wait for a network
    each run would take minutes to find that it is still missing.
    """
    if not context.matches or context.settings.engine_url:
        return list(wanted)
    with context.store.read() as connection:
        known = known_to_lack_network(connection, chosen.first, chosen.last)
    left = []
    for batch in wanted:
        why = known.get((batch.device_id, batch.day))
        if why is None:
            left.append(batch)
        else:
            day = DayReport(
                batch.device_id, batch.day, error=why, deferred=True, lacks_network=True
            )
            report.days.append(day)
    return left


type _Wave = Callable[[str], bool]
"""Whether a device belongs to a wave."""


def _waves(
    chosen: _RunSelection, context: Context, stages: Sequence[str], *, heavy_first: bool
) -> Iterator[_Wave]:
    """Devices that go through the later stages together: those with far more points come last.

    Otherwise the tracks of all devices would wait until the largest is matched.
    """
    later = [stage for stage in stages if stage != segmenting.STAGE]
    if not later:
        return
    heavy = heavy_devices(chosen.batches(context, later[0]))
    if heavy_first and heavy:
        yield heavy.__contains__
    yield lambda device_id: device_id not in heavy
    if heavy and not heavy_first:
        yield heavy.__contains__


def heavy_devices(batches: Sequence[PendingBatch]) -> set[str]:
    """Devices with more than `HEAVY_POINTS` points and `HEAVY_FACTOR` times those of the median."""
    points: dict[str, int] = defaultdict(int)
    for batch in batches:
        points[batch.device_id] += batch.point_count or 0
    if not points:
        return set()
    limit = max(HEAVY_POINTS, HEAVY_FACTOR * statistics.median(points.values()))
    return {device_id for device_id, count in points.items() if count > limit}


def _run_stage(
    context: Context,
    pool: "WorkerPool",
    report: StageReport,
    batches: Sequence[PendingBatch],
    chosen: _RunSelection,
    progress: StageProgress | None,
) -> None:
    """Run a stage on batches, and add what it did to its report.

    Args:
        context: the store and engines.
        pool: worker processes.
        report: of the stage; a stage that runs in waves adds to it.
        batches: the work.
        chosen: what the run was asked for.
        progress: called with the stage, its batches done and all its batches.
    """
    started = time.perf_counter()
    stage, before = report.stage, len(report.days)
    wanted: Unit = [(batch.device_id, batch.day) for batch in batches]
    units = list(_units(wanted, UNIT_DAYS[stage]))
    if stage == segmenting.STAGE:
        spread = (
            UNITS_PER_WORKER * context.settings.workers if pool.is_for(units, len(wanted)) else 1
        )
        units = list(_joined(units, min(len(wanted) // spread, UNIT_DAYS[stage])))
    for days in pool.map(context, stage, units, chosen.force, len(wanted)):
        report.days += days
        if progress:
            progress(stage, len(report.days), before + len(wanted))
    report.days.sort(key=lambda day: (day.day, day.device_id))
    report.seconds += time.perf_counter() - started


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
