"""Worker processes that run stages on units of work."""

import atexit
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import ModuleType

from trackflow import logs
from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.store.days import batch_lists
from trackflow.usecases.days.report import DayReport
from trackflow.usecases.days.units import Unit, run_unit

POOL_FROM_BATCHES = 16
"""Below this, starting processes takes longer than the work."""

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
        with without_main(), _without_interrupts():
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
def without_main() -> Iterator[None]:
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
    # SIGTERM is held back as well: a worker would start with it ignored where this process ignores
    # it, and a broken pool would wait for ever for one that it has ended too early.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
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
    # ends its other workers by SIGTERM, and would wait for ever for one that ignores it. One that
    # came meanwhile ends this worker now.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    os.nice(nice)
    logs.set_up(settings.log_format)
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
