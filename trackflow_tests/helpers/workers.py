"""Real worker processes that are killed or stopped at a chosen write to the database.

The state of a store only changes where a transaction is committed. So a worker that is killed just
before its n-th commit, for every n, has been killed at every moment that makes a difference.
"""

import contextlib
import datetime as dt
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.settings import Settings
from trackflow.store.database import Store
from trackflow.store.jobs import jobs
from trackflow.usecases.days.run import run
from trackflow.usecases.days.worker_pool import without_main
from trackflow.usecases.jobs.kinds import KINDS, rebuild, run_job
from trackflow_tests.helpers.stores import Clock
from trackflow_tests.helpers.town import Town
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

# Children are forked from a server that has imported everything and has no threads or connections.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    [
        __name__,
        "trackflow.matching.engines.embedded",
        "trackflow.meshes.generate",
        "trackflow_tests.helpers.catalogues",
        "psycopg",
        "pytest",  # tasks may be in a test's own module
    ]
)


@dataclass(frozen=True)
class At:
    """Which signal a worker sends to itself, and when.

    Attributes:
        write: at its so-many-th writing transaction, from 1.
        event: before that one begins, or when all is ready to be committed.
        signal: SIGKILL or SIGSTOP.
    """

    write: int
    event: str
    signal: signal.Signals


type Task = Callable[[Context], Any]


def run_all(context: Context) -> Any:
    """One run over what waits; returns what each batch's stages said."""
    report = run(context)
    return [(d.device_id, d.day, d.error) for stage in report.stages for d in stage.days]


def deliver_town(town: Town, context: Context) -> None:
    """Let the town's points come in, one delivery per device."""
    town.deliver(context)


def run_through_outages(context: Context) -> None:
    """Run until a run is not broken off by the database, as the live worker does."""

    def is_done() -> bool:
        try:
            run(context)
        except StoreUnavailableError:
            return False
        return True

    wait_until(is_done, "the database stays away", pause_s=0.2)


def run_jobs(context: Context) -> None:
    """Work on all jobs that wait, with slices of a day."""
    kinds = KINDS | {"rebuild": rebuild(slice_batches=1)}
    with context.store.read() as connection:
        found = jobs.waiting(connection, context.clock())
    for job in found:
        run_job(context, job.job_id, kinds=kinds)


@contextlib.contextmanager
def worker(
    settings: Settings,
    now: dt.datetime,
    task: Task = run_all,
    *,
    at: At | None = None,
    barrier: Any = None,
    told: Any = None,
) -> Iterator[BaseProcess]:
    """A process that does a task, with a clock that stands still; never outlives the block.

    Args:
        settings: of its store.
        now: what its clock shows.
        task: what it does.
        at: when it is killed or stopped.
        barrier: what it waits at before it begins.
        told: a queue for what the task returns.
    """
    process = processes.Process(target=_main, args=(settings, now, task, at, barrier, told))
    with without_main():
        process.start()
    try:
        yield process
        process.join(PATIENCE_S)
    finally:
        process.kill()
        process.join()


def ended(process: BaseProcess) -> int:
    """Its exit code, once it has ended; negative for the signal that killed it."""
    process.join(PATIENCE_S)
    assert process.exitcode is not None, "it hangs"
    return process.exitcode


def is_stopped(process: BaseProcess) -> bool:
    """Wait until it has stopped itself (True) or has ended."""
    while process.is_alive():
        with contextlib.suppress(FileNotFoundError):
            state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "T":
                return True
        time.sleep(0.005)
    return False


def go_on(process: BaseProcess) -> None:
    """Wake a stopped process."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGCONT)


def _main(
    settings: Settings, now: dt.datetime, task: Task, at: At | None, barrier: Any, told: Any
) -> None:
    with Context.open(settings, Clock(now)) as context:
        if at is not None:
            _arm(context.store, at)
        if barrier is not None:
            barrier.wait(PATIENCE_S)
        result = task(context)
        if told is not None:
            told.put(result)
            told.close()
            told.join_thread()
    sys.stdout.flush()


def _arm(store: Store, at: At) -> None:
    seen = 0

    def look(connection: sa.Connection, options: Mapping[str, Any] = MappingProxyType({})) -> None:
        nonlocal seen
        if _writes(store, {**connection.get_execution_options(), **options}):
            seen += 1
            if seen == at.write:
                # to this thread, so that it does not go on until another one has got the signal
                signal.pthread_kill(threading.get_ident(), at.signal)

    # "begin" itself comes too late on SQLite: the listener that really begins is the first
    event = {"begin": "set_connection_execution_options"}.get(at.event, at.event)
    sa.event.listen(store.engine, event, look)


def _writes(store: Store, options: Mapping[str, Any]) -> bool:
    if store.is_postgresql:
        return "isolation_level" not in options
    return options.get("sqlite_begin") == "IMMEDIATE"
