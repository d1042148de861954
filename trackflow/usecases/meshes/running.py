"""Makes the meshes that are due: several at once, each claimed, none of them made twice."""

import datetime as dt
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.meshes.generators.admission import memory_budget_bytes
from trackflow.meshes.generators.protocol import MeshGenerator
from trackflow.store.meshes import claims, endings
from trackflow.store.meshes.claims import ClaimLimits
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.meshes import figures, notices
from trackflow.usecases.meshes.fetching import fetch_image
from trackflow.usecases.meshes.making import OnBeat, make_mesh
from trackflow.usecases.meshes.tools import (
    FetchImage,
    MeshTools,
    pixel_cost,
    storage_of,
)

WAIT_S = 0.1
"""How often a worker without work checks for some while others work: theirs may make room."""


@dataclass(slots=True)
class MeshRunReport:
    """What a run did; `waiting` are meshes that it could not make and that are tried again."""

    completed: int = 0
    failed: int = 0
    waiting: int = 0
    cancelled: int = 0

    @property
    def done(self) -> int:
        """Meshes that have ended."""
        return self.completed + self.failed + self.cancelled


type OnMesh = Callable[[Mesh, MeshStatus | None], None]
"""Called in a worker's thread with each mesh that was tried, and its status then."""


def run_due_meshes(
    context: Context,
    generator: MeshGenerator,
    *,
    limit: int | None = None,
    until: dt.datetime | None = None,
    batch_id: uuid.UUID | None = None,
    mesh_id: str | None = None,
    fetch: FetchImage = fetch_image,
    stop: Stop | None = None,
    on_mesh: OnMesh = lambda _mesh, _status: None,
    on_beat: OnBeat = lambda _mesh, _share, _step: None,
) -> MeshRunReport:
    """Make meshes until none is due: persons' first, then those of batches, then those of syncs.

    Args:
        context: the store and settings.
        generator: makes the meshes; its calls come from several threads.
        limit: meshes at most; None for all that are due.
        until: none is begun after this time, UTC.
        batch_id: of this batch only.
        mesh_id: this one only.
        fetch: fetches the image at an address.
        stop: ends the run; meshes under way wait again then.
        on_mesh: called with each mesh that was tried.
        on_beat: called as often as the progress of a mesh is written.

    Raises:
        StoreUnavailableError: the database went away; meshes under way are made by the next run.
    """
    run = _Run(
        context,
        MeshTools(generator, storage_of(context.settings), fetch),
        _limits(context),
        limit,
        until,
        batch_id,
        mesh_id,
        stop or threading.Event(),
        on_mesh,
        on_beat,
    )
    with context.store.write() as connection:
        endings.free_abandoned(connection, context.clock(), context.settings.lease_s)
    workers = context.settings.mesh_workers
    context.services.show()
    try:
        for result in Processor(workers, name="meshes").run(range(workers), run.work):
            result.result()
    finally:
        run.ended.set()
        notices.send_due(context)
        figures.send_gauges(context)
    return run.report()


def _limits(context: Context) -> ClaimLimits:
    pixels = int(memory_budget_bytes() / pixel_cost(context).bytes_per_pixel)
    return ClaimLimits(context.settings.lease_s, pixels)


@dataclass(slots=True, eq=False)
class _Run:
    """A run of several workers.

    Attributes:
        context: the store and settings.
        tools: the generator, the storage and the way to addresses.
        limits: of what may run at once.
        limit: meshes at most.
        until: none is begun after this time.
        batch_id: of this batch only.
        mesh_id: this one only.
        stop: ends the run.
        on_mesh: called with each mesh that was tried.
        on_beat: called as often as the progress of a mesh is written.
    """

    context: Context
    tools: MeshTools
    limits: ClaimLimits
    limit: int | None
    until: dt.datetime | None
    batch_id: uuid.UUID | None
    mesh_id: str | None
    stop: Stop
    on_mesh: OnMesh
    on_beat: OnBeat
    ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: int = 0
    _working: int = 0
    _statuses: Counter[MeshStatus | None] = field(default_factory=Counter)

    def work(self, _slot: int, _deadline: Deadline) -> None:
        """Claim and make meshes until none is due and no worker is at work."""
        while not self._has_to_end():
            claimed = self._claim()
            if claimed is None:
                self._end_if_all_are_idle()
                self.ended.wait(WAIT_S)
                continue
            try:
                status = make_mesh(self.context, self.tools, claimed, self.on_beat, self._stop())
                figures.send_mesh(self.context, claimed, status)
                with self._lock:
                    self._statuses[status] += 1
                self.on_mesh(claimed, status)
            finally:
                with self._lock:
                    self._working -= 1

    def report(self) -> MeshRunReport:
        """What the run did."""
        count = self._statuses
        return MeshRunReport(
            completed=count[MeshStatus.COMPLETED],
            failed=count[MeshStatus.FAILED],
            waiting=count[MeshStatus.QUEUED],
            cancelled=count[MeshStatus.CANCELLED],
        )

    def _has_to_end(self) -> bool:
        is_late = self.until is not None and self.context.clock() >= self.until
        return is_late or self._stop().is_set()

    def _stop(self) -> Stop:
        return _RunStop(self.stop, self.ended)

    def _end_if_all_are_idle(self) -> None:
        """End for all workers at once.

        If each left for itself, the last one could claim a slow mesh that was queued meanwhile,
        and all others would wait for it.
        """
        with self._lock:
            if self._working == 0:
                self.ended.set()

    def _claim(self) -> Mesh | None:
        """Claim a mesh; counted as work before that, so that no other worker ends meanwhile."""
        with self._lock:
            if self.ended.is_set() or (self.limit is not None and self._begun >= self.limit):
                return None
            self._begun += 1
            self._working += 1
        claimed = None
        try:
            with self.context.store.write() as connection:
                claimed = claims.claim_next(
                    connection, self.context.clock(), self.limits, self.batch_id, self.mesh_id
                )
        finally:
            if claimed is None:
                with self._lock:
                    self._begun -= 1
                    self._working -= 1
        return claimed


@dataclass(frozen=True, slots=True)
class _RunStop:
    """One of two events."""

    one: Stop
    other: Stop

    def is_set(self) -> bool:
        """Whether one of them has happened."""
        return self.one.is_set() or self.other.is_set()
