"""Signs of life of Celery's workers, in Dagster's own database.

A worker writes every few seconds which runs it executes. The daemon looks at whether this changes,
by its own clock: clocks of several machines are never compared.
"""

import json
import time
from collections.abc import Callable, Collection

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

WORKER_TAG = "trackflow/worker"
"""The tag of a run that names the worker that executes it."""

BEAT_S = 5.0

SILENT_AFTER_S = 60.0
"""A worker that gives no sign for so long counts as dead, and its runs are started again. One that
lives and was only cut off does no harm: its claims end, and stale workers change nothing."""


def beat(instance: dg.DagsterInstance, worker: str, count: int, run_ids: Collection[str]) -> None:
    """Write a sign of life.

    Args:
        instance: Dagster's records.
        worker: its name.
        count: differs from that of the beat before.
        run_ids: of the runs that it executes.
    """
    written = json.dumps({"count": count, "runs": sorted(run_ids)})
    instance.run_storage.set_cursor_values({_key(worker): written})


class WorkerWatch:
    """What the daemon has seen of each worker."""

    def __init__(
        self, silent_after_s: float = SILENT_AFTER_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to watch.

        Args:
            silent_after_s: seconds without a sign after which a worker counts as dead.
            clock: gives seconds.
        """
        self._silent_after_s, self._clock = silent_after_s, clock
        self._seen: dict[str, tuple[str, float]] = {}

    def health(self, instance: dg.DagsterInstance, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the worker of a started run is alive and still executes it."""
        worker = run.tags.get(WORKER_TAG, "")
        key = _key(worker)
        written = instance.run_storage.get_cursor_values({key}).get(key, "")
        last, since = self._seen.get(key, ("", self._clock()))
        if written != last:
            since = self._clock()
        self._seen[key] = (written, since)
        silent_s = self._clock() - since
        if silent_s > self._silent_after_s:
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"the worker {worker} gave no sign for {silent_s:.0f} s"
            )
        if written and run.run_id not in json.loads(written)["runs"]:
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"the worker {worker} no longer executes this run"
            )
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def _key(worker: str) -> str:
    return f"trackflow/worker/{worker}"
