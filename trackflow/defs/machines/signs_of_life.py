"""Signs of life of Celery's workers, in Dagster's own database.

A worker writes every few seconds which runs it executes. The daemon looks at whether this changes,
by its own clock: clocks of several machines are never compared.
"""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

WORKER_TAG = "trackflow/worker"
"""The tag of a run that names the worker that executes it."""

BEATS_PER_LEASE = 12
"""Signs of life in `TRACKFLOW_LEASE_S`. After a lease without one a worker counts as dead, and its
runs are started again. One that lives and was only cut off does no harm: its claims end, too, and
stale workers change nothing."""


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


@dataclass(slots=True)
class _Sighting:
    """The last sign of a worker, when it was first seen, and whether it was found silent before."""

    written: str
    since: float
    was_silent: bool = False


class WorkerWatch:
    """What the daemon has seen of each worker."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to watch.

        Args:
            lease_s: seconds without a sign after which a worker counts as dead.
            clock: gives seconds.
        """
        self._lease_s, self._clock = lease_s, clock
        self._seen: dict[str, _Sighting] = {}

    def health(self, instance: dg.DagsterInstance, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the worker of a started run is alive and still executes it."""
        worker = run.tags.get(WORKER_TAG, "")
        key = _key(worker)
        written = instance.run_storage.get_cursor_values({key}).get(key, "")
        if silent_s := self._silence_s(worker, written):
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"the worker {worker} gave no sign for {silent_s:.0f} s"
            )
        if written and run.run_id not in json.loads(written)["runs"]:
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"the worker {worker} no longer executes this run"
            )
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _silence_s(self, worker: str, written: str) -> float:
        """For how long a worker was silent; 0 while that is no reason to worry.

        It has to be found silent twice: after an outage of the database the daemon may look before
        any worker could write.
        """
        now = self._clock()
        seen = self._seen.get(worker)
        if seen is None or seen.written != written:
            self._seen[worker] = _Sighting(written, now)
            return 0.0
        is_silent = now - seen.since > self._lease_s
        was_silent, seen.was_silent = seen.was_silent, is_silent
        return now - seen.since if is_silent and was_silent else 0.0


def _key(worker: str) -> str:
    return f"trackflow/worker/{worker}"
