"""The launcher that executes runs on this machine, each in a process of its own.

Dagster's own asks the code server to do that. Where the definitions are loaded in Dagster's process
there is none (`own_code`), and this launcher starts the processes, as children that end with it.
"""

import signal
import subprocess
import threading
import uuid
from contextlib import suppress

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._core.remote_representation.code_location import InProcessCodeLocation
from dagster._serdes import ConfigurableClassData

from trackflow.defs.machines.run_processes import report_lost, run_process

PROCESS_TAG = "trackflow/process"
"""The tag of a run that names the process of Dagster that started it."""

CANCELLED_SEEN_S = 3.0
"""Between two looks whether a run was cancelled, by a person or another process."""


class LocalLauncher(DefaultRunLauncher):
    """Dagster's launcher for one machine, also for definitions in this process."""

    def __init__(self, inst_data: ConfigurableClassData) -> None:
        super().__init__(inst_data)
        self._name = uuid.uuid4().hex
        self._processes: dict[str, subprocess.Popen[bytes] | None] = {}

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the process of a run; a code server does it for its own definitions."""
        run = context.dagster_run
        if not _is_in_process(context):
            super().launch_run(context)
            return
        self._instance.add_run_tags(run.run_id, {PROCESS_TAG: self._name})
        self._processes[run.run_id] = None
        # Linux interrupts a child when the thread that started it ends: one thread for each run
        threading.Thread(
            target=self._execute, args=(self._instance, run), name=f"run {run.run_id[:8]}"
        ).start()

    def _execute(self, instance: DagsterInstance, run: DagsterRun) -> None:
        """Start a process, wait for its end, and fail the run if that could not say how it was."""
        try:
            assert run.job_code_origin is not None  # Dagster knows it of each run that it launches
            process = run_process(run.job_code_origin, run.run_id)
            self._processes[run.run_id] = process
            report_lost(instance, run.run_id, self._end_of(instance, run.run_id, process))
        except OSError as error:
            instance.report_run_failed(run, f"No process could be started: {error}")
        finally:
            del self._processes[run.run_id]

    def _end_of(
        self, instance: DagsterInstance, run_id: str, process: subprocess.Popen[bytes]
    ) -> int:
        """Wait for a process; returns its exit code. One whose run is cancelled is interrupted."""
        is_interrupted = False
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(CANCELLED_SEEN_S)
            run = instance.get_run_by_id(run_id)
            if not is_interrupted and (run is None or run.status is DagsterRunStatus.CANCELING):
                process.send_signal(signal.SIGTERM)
                is_interrupted = True

    def terminate(self, run_id: str) -> bool:
        """Ask for the interruption of a run, so that it hands back what it has claimed."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if PROCESS_TAG not in run.tags:
            asked: bool = super().terminate(run_id)  # type: ignore[no-untyped-call]
            return asked
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: a run that Dagster's process has not outlived is started again."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run is there; code servers report the ends of theirs."""
        started_by = run.tags.get(PROCESS_TAG)
        if started_by is None or run.run_id in self._processes:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "Dagster was ended while it ran.")


def _is_in_process(context: LaunchRunContext) -> bool:
    origin = context.dagster_run.remote_job_origin
    if context.workspace is None or origin is None:
        return False
    name = origin.repository_origin.code_location_origin.location_name
    return isinstance(context.workspace.get_code_location(name), InProcessCodeLocation)
