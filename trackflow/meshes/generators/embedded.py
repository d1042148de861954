"""Makes meshes on this machine, each in a child process with limits.

An image that needs too much memory or time, or that crashes a library, ends its own child only;
its caller gets an error, and its neighbours go on.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from trackflow.errors import BadInputError, MeshServiceError, StoppedError
from trackflow.meshes.generate import GENERATOR_VERSION, GeneratedMesh
from trackflow.meshes.generators.admission import Admission, PixelCost, memory_budget_bytes
from trackflow.meshes.generators.child import GO, Job
from trackflow.meshes.generators.processes import CHECK_EVERY_S, Child
from trackflow.meshes.json_values import parameter_values, report_from
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import MeshCost, OnProgress

LOOK_AHEAD = 2


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """Limits of child processes.

    Attributes:
        most_pixels: of an image.
        memory_bytes: that one image may take.
        limit_s: seconds that one image may take.
        jobs_per_child: images after which a child is replaced: libraries leak.
        growth_bytes: memory that a child may keep after a job, beyond what it held at its start.
    """

    most_pixels: int = 50_000_000
    memory_bytes: int = 2_000_000_000
    limit_s: float = 300.0
    jobs_per_child: int = 200
    growth_bytes: int = 300_000_000


class EmbeddedGenerator:
    """A `MeshGenerator` of child processes, which are kept for the next images."""

    def __init__(
        self,
        limits: ChildLimits = ChildLimits(),
        *,
        workers: int = 1,
        budget_bytes: int | None = None,
        cost: PixelCost = PixelCost(),  # noqa: B008  it is frozen
    ) -> None:
        """A generator that starts its children when they are needed.

        Args:
            limits: of each child.
            workers: images that are worked on at once.
            budget_bytes: memory that they may take together; None measures the machine.
            cost: what an image is known to take.
        """
        budget = memory_budget_bytes() if budget_bytes is None else budget_bytes
        self._limits, self._workers = limits, workers
        self._admission = Admission(workers, budget)
        self._lock = threading.Lock()
        self._cost = cost
        # some more than work: the next ones read their images while these work
        self._turns = threading.BoundedSemaphore(workers + LOOK_AHEAD)
        self._idle: list[Child] = []
        self._is_closed = False

    @property
    def version(self) -> str:
        """The version of the generator in this package."""
        return GENERATOR_VERSION

    @property
    def cost(self) -> PixelCost:
        """What an image takes, by experience."""
        return self._cost

    def generate(
        self,
        image: bytes,
        name: str,
        parameters: MeshParameters,
        *,
        on_progress: OnProgress = lambda _share, _step: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> GeneratedMesh:
        """Make a mesh; see `MeshGenerator`."""

        def check() -> None:
            if is_cancelled() or self._is_closed:
                raise StoppedError(f"{name}: the mesh was cancelled")

        check()
        job = self._job(name, parameters)
        try:
            with self._turn(check):
                return self._exchanged(image, job, on_progress, check)
        except MeshServiceError as error:
            raise MeshServiceError(f"{name}: {error}") from None

    def close(self) -> None:
        """End all children; those at work too."""
        with self._lock:
            self._is_closed = True
            children, self._idle = self._idle, []
        for child in children:
            child.end()

    def note(self, cost: MeshCost) -> None:
        """Learn from the cost of an image."""
        with self._lock:
            self._cost = self._cost.noted(cost)

    def note_killed(self) -> None:
        """Learn from a child that the system has killed."""
        with self._lock:
            self._cost = self._cost.doubled()

    def admitted(self, pixels: int, check: Callable[[], None]) -> Any:
        """A block of work on an image of so many pixels, once there is room."""
        return self._admission.admitted(self._cost.estimate_bytes(pixels), check)

    def _job(self, name: str, parameters: MeshParameters) -> Job:
        limits = self._limits
        values = parameter_values(parameters)
        return Job(name, values, limits.most_pixels, limits.limit_s, limits.memory_bytes)

    def _exchanged(
        self, image: bytes, job: Job, on_progress: OnProgress, check: Callable[[], None]
    ) -> GeneratedMesh:
        """The mesh of an image, made by the next idle child that is alive, or by a new one.

        Args:
            image: the file.
            job: what is asked.
            on_progress: of the caller.
            check: raises when the mesh is not wanted any more.
        """
        while True:
            with self._borrowed() as child:
                exchange = _Exchange(self, child, job, on_progress, check)
                try:
                    return exchange.run(image)
                except MeshServiceError:
                    # a child that died while it was idle is none of this image's doing
                    if exchange.has_begun or child.jobs == 0 or child.is_alive:
                        raise

    @contextmanager
    def _turn(self, check: Callable[[], None]) -> Iterator[None]:
        """Hold the number of children down."""
        while not self._turns.acquire(timeout=CHECK_EVERY_S):
            check()
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _borrowed(self) -> Iterator[Child]:
        """A child for one image; it is ended unless its work came to an orderly end."""
        child = self._idle_child() or Child.start(self._limits.memory_bytes)
        try:
            yield child
        except (BadInputError, MeshServiceError):
            self._give_back(child)
            raise
        except BaseException:
            child.kill()
            raise
        else:
            self._give_back(child)

    def _idle_child(self) -> Child | None:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive:
                    return child
                child.kill()
        return None

    def _give_back(self, child: Child) -> None:
        if not child.is_alive or child.connection.closed:
            child.kill()
            return
        child.jobs += 1
        limits = self._limits
        is_worn = child.jobs >= limits.jobs_per_child
        is_worn |= child.resident_bytes - child.first_bytes > limits.growth_bytes
        with self._lock:
            keep = not (is_worn or self._is_closed) and len(self._idle) < self._workers
            if keep:
                self._idle.append(child)
        if not keep:
            child.end()


@dataclass(slots=True)
class _Exchange:
    """One job and its answers.

    Attributes:
        generator: gives the turn, and learns from the cost.
        child: that works.
        job: what is asked.
        on_progress: of the caller.
        check: raises when the mesh is not wanted any more.
        has_begun: whether the child has answered.
    """

    generator: EmbeddedGenerator
    child: Child
    job: Job
    on_progress: OnProgress
    check: Callable[[], None]
    has_begun: bool = False

    def run(self, image: bytes) -> GeneratedMesh:
        """The mesh of an image."""
        try:
            self.child.send(orjson.dumps(asdict(self.job)), image)
            answer = self._answer(time.monotonic() + self.job.limit_s)
            self.has_begun = True
            with self.generator.admitted(int(answer["pixels"]), self.check):
                self.child.send(GO)
                return self._made(time.monotonic() + self.job.limit_s)
        except TimeoutError:
            self.child.kill()
            raise BadInputError(
                f"{self.job.name} takes longer than {self.job.limit_s:g} s: allow a larger error, "
                "or more time (TRACKFLOW_MESH_LIMIT_S)"
            ) from None
        except MeshServiceError:
            if self.has_begun and self.child.was_killed:
                self.generator.note_killed()
            raise

    def _made(self, until_s: float) -> GeneratedMesh:
        share = 0.0
        while (answer := self._answer(until_s))["kind"] == "progress":
            share = max(share, min(float(answer["share"]), 1.0))  # it never goes back
            self.on_progress(share, str(answer["step"]))
        files = {
            str(name): self.child.receive_file(until_s, self.check) for name in answer["files"]
        }
        cost = MeshCost(int(answer["pixels"]), float(answer["seconds"]), int(answer["peak_bytes"]))
        self.generator.note(cost)
        return GeneratedMesh(files, report_from(answer["report"]), cost)

    def _answer(self, until_s: float) -> dict[str, Any]:
        """The next answer that is no error.

        Raises:
            BadInputError: the image is refused.
            MeshServiceError: the work failed.
        """
        answer = self.child.receive(until_s, self.check)
        self.child.resident_bytes = int(answer.get("resident_bytes", self.child.resident_bytes))
        match answer.get("kind"):
            case "refused":
                raise BadInputError(str(answer["message"]))
            case "failed":
                raise MeshServiceError(str(answer["message"]))
        return answer
