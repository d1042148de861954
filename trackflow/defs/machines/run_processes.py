"""Executes runs in processes of their own; those of a worker of Celery with its signs of life.

A run is not executed in a process of Celery's pool: such a process may start no workers of its own,
cannot be interrupted so that it hands back what it has claimed, and keeps its memory for the next
run.
"""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.origin import JobPythonOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

from trackflow.concurrency.children import END_WITH_PARENT
from trackflow.defs.machines.signs_of_life import BEATS_PER_LEASE, WORKER_TAG, beat
from trackflow.defs.runs import HELPS_TAG

WAITING = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
)

log = logging.getLogger(__name__)

type OpenInstance = Callable[[], dg.DagsterInstance]


def run_process(job_origin: JobPythonOrigin, run_id: str) -> subprocess.Popen[bytes]:
    """Start the process of a run; it ends with the thread that calls this.

    Args:
        job_origin: where its job is defined.
        run_id: of the run.
    """
    # its records are those that this machine's DAGSTER_HOME names
    args = ExecuteRunArgs(job_origin, run_id, None, set_exit_code_on_failure=True)
    return subprocess.Popen(
        [sys.executable, "-m", "dagster", "api", "execute_run", serialize_value(args)],
        stdin=subprocess.DEVNULL,
        preexec_fn=END_WITH_PARENT,
    )


def report_lost(instance: dg.DagsterInstance, run_id: str, code: int, where: str = "") -> None:
    """Fail a run whose process is gone before it could say how the run ended.

    Args:
        instance: Dagster's records.
        run_id: of the run.
        code: with which the process ended.
        where: the worker that it ran on, if it was another machine.
    """
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        on = f" on {where}" if where else ""
        instance.report_run_failed(
            run, f"Its process{on} ended with {code} (was there enough memory?)"
        )


class RunProcesses:
    """The runs that one worker executes at present, and its signs of life."""

    def __init__(
        self, worker: str, lease_s: float, open_instance: OpenInstance = dg.DagsterInstance.get
    ) -> None:
        """Nothing is executed yet.

        Args:
            worker: its name, different from that of any other worker that lives.
            lease_s: seconds without a sign of life after which it counts as dead.
            open_instance: opens Dagster's records.
        """
        self.worker = worker
        self._beat_s = lease_s / BEATS_PER_LEASE
        self._open_instance = open_instance
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes] | None] = {}
        self._count = 0
        self._ended = threading.Event()

    def is_beside_its_leader(self, run_id: str) -> bool:
        """Whether a run helps one that is executed here: it would only share the same cores."""
        with self._open_instance() as instance:
            run = instance.get_run_by_id(run_id)
            leader = run.tags.get(HELPS_TAG) if run is not None else None
            if leader is None:
                return False
            here = [instance.get_run_by_id(one) for one in list(self._processes)]
            return any(one and leader in (one.run_id, one.tags.get(HELPS_TAG)) for one in here)

    def send_home(self, run_id: str) -> None:
        """End a helper that has found no other machine."""
        with self._open_instance() as instance:
            run = instance.get_run_by_id(run_id)
            if run is not None and run.status in WAITING:
                instance.report_run_canceled(run, "No other machine is free to help.")

    def execute(self, args: ExecuteRunArgs) -> None:
        """Execute a run to its end. One that is taken is left alone: messages may come twice."""
        with self._open_instance() as instance:
            run = instance.get_run_by_id(args.run_id)
            if run is None or run.status not in WAITING or self._is_taken(run):
                return
            instance.add_run_tags(run.run_id, {WORKER_TAG: self.worker})
            with self._announced(instance, run.run_id):
                process = run_process(args.job_origin, args.run_id)
                self._processes[run.run_id] = process
                code = process.wait()
            report_lost(instance, args.run_id, code, self.worker)

    def _is_taken(self, run: dg.DagsterRun) -> bool:
        """Whether the run has a process that is starting, here or on another machine."""
        other = run.tags.get(WORKER_TAG, "") not in ("", self.worker)
        return other or run.run_id in self._processes

    @contextmanager
    def _announced(self, instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
        """Name the run in the signs of life, before it can be seen as started."""
        self._processes[run_id] = None
        try:
            self._beat(instance)
            yield
        finally:
            del self._processes[run_id]

    def watch(self) -> None:
        """Give signs of life, and interrupt runs that a person has cancelled, until `stop`."""
        while not self._ended.wait(self._beat_s):
            try:
                with self._open_instance() as instance:
                    while not self._ended.wait(self._beat_s):
                        self._beat(instance)
                        self._interrupt_cancelled(instance)
            except Exception as error:  # noqa: BLE001  whatever the driver of the database raises
                log.warning("no sign of life could be written: %s", type(error).__name__)

    def stop(self) -> None:
        """Interrupt all runs, so that they hand back what they have claimed, and end watching."""
        self._ended.set()
        for run_id in list(self._processes):
            self._interrupt(run_id)

    def _beat(self, instance: dg.DagsterInstance) -> None:
        with self._lock:
            self._count += 1
            beat(instance, self.worker, self._count, list(self._processes))

    def _interrupt_cancelled(self, instance: dg.DagsterInstance) -> None:
        if not (ids := list(self._processes)):
            return
        for run in instance.get_runs(dg.RunsFilter(run_ids=ids)):
            if run.is_finished or run.status is dg.DagsterRunStatus.CANCELING:
                self._interrupt(run.run_id)

    def _interrupt(self, run_id: str) -> None:
        process = self._processes.get(run_id)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
