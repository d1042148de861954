"""Runs stages over many batches: in this process, or spread over several.

Stages run one after another over all batches, because matching reads the neighbouring days'
segments and merging reads their lines. Within a stage batches are independent.
"""

import atexit
import datetime as dt
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from multiprocessing import resource_tracker
from types import ModuleType

from trackflow.context import Context
from trackflow.errors import RetryableError
from trackflow.settings import Settings
from trackflow.store.days import batch_lists, batch_marks
from trackflow.store.devices import settings as devices
from trackflow.store.tables import STAGES
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days import segmenting, tracking
from trackflow.usecases.days.expiry import free_expired
from trackflow.usecases.days.modes import RunMode as RunMode
from trackflow.usecases.days.report import DayReport, RunReport, StageReport
from trackflow.usecases.intake.readmitting import readmit
from trackflow.usecases.roads import matching
from trackflow.usecases.roads.rematching import match_outdated_again

type StageProgress = Callable[[str, int, int], None]
"""Called with the stage, batches done and batches in all."""

type Unit = list[tuple[str, dt.date]]
"""Devices and days; outside of segmenting, the days of one device."""

UNIT_DAYS = {"segmented": segmenting.RANGE_DAYS, "matched": 4, "tracked": 366}
"""Days of a device that one worker takes at a time: few where a day is slow, many where days share
what they read. Chains of days must not be split between workers that would wait for each other."""

BACKGROUND_NICE = 5
"""Niceness of a run's workers: a backfill uses idle processors, and live points do not wait for
it."""

POOL_FROM_BATCHES = 16
"""Below this, starting processes takes longer than the work."""

SETTLING = max(dt.timedelta(hours=6), dt.timedelta(seconds=Thresholds().reach_s))
"""Time after midnight: the reach of the default thresholds, and time for late reports."""

UNITS_PER_WORKER = 4
"""Devices are segmented together as long as so many units are left for each worker."""

_STAGE_FUNCTIONS = {
    matching.STAGE: matching.match_batches,
    tracking.STAGE: tracking.track_batches,
}


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


def run_unit(context: Context, stage: str, unit: Unit, force: bool) -> list[DayReport]:
    """Run a stage on one unit. A retryable error is reported, and never stops other units.

    Args:
        context: the store and engines.
        stage: name of the stage.
        unit: devices and days.
        force: process completed days as well.
    """
    try:
        if stage == segmenting.STAGE:
            return segmenting.segment_batches(context, unit, force=force)
        return _STAGE_FUNCTIONS[stage](context, unit[0][0], [day for _, day in unit], force=force)
    except RetryableError as error:
        return [DayReport(device, day, error=str(error), deferred=True) for device, day in unit]


DIED = "a worker process died (was there enough memory?); its batches wait until their lease ends"


class WorkerPool:
    """Worker processes, started when there is enough to do for them."""

    def __init__(self, settings: Settings, nice: int = 0) -> None:
        self.settings = settings
        self.nice = nice
        self.executor: ProcessPoolExecutor | None = None

    def is_for(self, units: Sequence[Unit], batch_count: int) -> bool:
        """Whether so much work is spread over processes."""
        enough = len(units) > 1 and batch_count >= POOL_FROM_BATCHES
        return self.settings.workers > 1 and enough

    def map(
        self, context: Context, stage: str, units: Sequence[Unit], force: bool, batch_count: int
    ) -> Iterator[list[DayReport]]:
        """The reports of all units, in the order of the units.

        When a worker dies, all running and waiting units of its pool are lost with it. They go to a
        new pool; the dead worker's batches stay claimed, so that no batch kills one worker after
        another.

        Args:
            context: the store and engines, used where the pool is not needed.
            stage: name of the stage.
            units: the units of work, in order.
            force: process completed days as well.
            batch_count: number of batches in all units; few are processed without the pool.
        """
        if not self.is_for(units, batch_count):
            for unit in units:
                yield run_unit(context, stage, unit, force)
            return
        done, broken_at = 0, -1
        while done < len(units):
            jobs = self._submit(stage, units[done:], force)
            try:
                for job in jobs:
                    reports = job.result()
                    if broken_at >= 0:
                        reports += _still_claimed(context, units[done], reports)
                    yield reports
                    done += 1
            except BrokenProcessPool:
                self.close()
                if broken_at == done:  # twice in a row: workers cannot even start
                    for unit in units[done:]:
                        yield [DayReport(*pair, error=DIED, deferred=True) for pair in unit]
                    return
                broken_at = done

    def _submit(
        self, stage: str, units: Sequence[Unit], force: bool
    ) -> list[Future[list[DayReport]]]:
        if self.executor is None:
            self.executor = ProcessPoolExecutor(
                self.settings.workers,
                # a forked child would share the parent's database connections and engine
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self.settings, os.getpid(), self.nice),
            )
        with _without_main(), _without_interrupts():
            return [self.executor.submit(_run_in_child, stage, unit, force) for unit in units]

    def close(self) -> None:
        """End the worker processes; waiting units are dropped."""
        if self.executor is not None:
            self.executor.shutdown(cancel_futures=True)
            self.executor = None


def _still_claimed(context: Context, unit: Unit, reports: Sequence[DayReport]) -> list[DayReport]:
    """Reports of those batches of a unit that a dead worker has claimed."""
    reported = {(report.device_id, report.day) for report in reports}
    with context.store.read() as connection:
        claimed = [
            (device_id, day)
            for device_id, pairs in itertools.groupby(unit, key=lambda pair: pair[0])
            for day in batch_lists.claimed_days(connection, device_id, [day for _, day in pairs])
        ]
    return [DayReport(*pair, error=DIED, deferred=True) for pair in claimed if pair not in reported]


@contextmanager
def worker_pool(settings: Settings, *, nice: int = 0) -> Iterator[WorkerPool]:
    """A pool that ends its processes on leaving; `nice` is their niceness, as in `nice(1)`."""
    pool = WorkerPool(settings, nice)
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep spawned workers from importing the main module of this process, their default.

    Workers do not need it. It may be all of Dagster, which takes seconds in each worker, or a
    script without a guard by `if __name__ == "__main__"`.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that defer Ctrl-C until they work; this process gets it when all are started.

    A terminal sends it to all processes. One that is still importing, or whose parent ends while it
    starts, would die with a stack.
    """
    resource_tracker.ensure_running()  # started later, it would admit interrupts again
    interrupts: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    # The mask is for the children, who inherit it. It does not keep an interrupt from this process:
    # any other thread may get it, and Python then raises it here.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    handler = None
    if is_main:
        handler = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # pending signals are handled here and now
        if is_main:
            signal.signal(signal.SIGINT, handler)
    if interrupts:
        raise KeyboardInterrupt


_child_context: Context | None = None


def _start_worker(settings: Settings, parent: int, nice: int) -> None:
    global _child_context
    # Dagster treats SIGTERM as SIGINT, which a process in the background ignores. A broken pool
    # ends its other workers by SIGTERM, and would wait for ever for one that ignores it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(nice)
    _child_context = Context.open(settings)
    atexit.register(_child_context.close)  # the engine complains of leaks where it is not released
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this worker with its parent: it would wait for ever and keep its engine loaded."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run_in_child(stage: str, unit: Unit, force: bool) -> list[DayReport]:
    assert _child_context is not None
    # An interrupted unit gives its error to the parent. A process that waits for work would die
    # with a stack: between units it puts interrupts off, and it ends with its parent.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    try:
        return run_unit(_child_context, stage, unit, force)
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
