"""Which images are worked on at once: as many as there are processors, and as fit the memory.

What an image takes is estimated from its pixels and from what earlier images cost.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trackflow.meshes.report import MeshCost

FIRST_BYTES_PER_PIXEL = 500.0
"""Before anything was measured: between a smooth terrain and pure noise."""

SMALLEST_BYTES = 64_000_000
"""Cost of an image of any size: buffers and libraries that are loaded when they are needed."""

TELLING_PIXELS = 100_000
"""Smaller images tell little about the cost of a pixel."""

SHARE_OF_MEMORY = 0.6
"""Of what is free: other programs need some too."""

OVERTAKEN_FOR_S = 30.0
"""How long smaller images may pass one that waits for memory."""

_CHECK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class PixelCost:
    """Bytes of memory per pixel, by experience: it rises at once and falls slowly."""

    bytes_per_pixel: float = FIRST_BYTES_PER_PIXEL

    def estimate_bytes(self, pixels: int) -> int:
        """What an image of so many pixels takes."""
        return int(SMALLEST_BYTES + pixels * self.bytes_per_pixel)

    def noted(self, cost: MeshCost) -> "PixelCost":
        """The experience after one more image."""
        if cost.pixels < TELLING_PIXELS:
            return self
        measured = max(cost.peak_bytes - SMALLEST_BYTES, 0) / cost.pixels
        slowly = 0.9 * self.bytes_per_pixel + 0.1 * measured
        return PixelCost(max(measured, slowly))

    def doubled(self) -> "PixelCost":
        """The experience after the system has killed a child, most likely for its memory."""
        return PixelCost(min(self.bytes_per_pixel * 2, 100 * FIRST_BYTES_PER_PIXEL))


@dataclass(eq=False, slots=True)
class _Waiting:
    bytes: int
    since_s: float


class Admission:
    """Lets threads work while there are processors and memory; the first come first.

    One that alone takes more than the memory works alone.
    """

    def __init__(self, slots: int, budget_bytes: int) -> None:
        self._slots, self._budget = slots, budget_bytes
        self._changed = threading.Condition()
        self._running = 0
        self._used = 0
        self._queue: list[_Waiting] = []

    @contextmanager
    def admitted(self, estimate_bytes: int, check: Callable[[], None]) -> Iterator[None]:
        """Wait for a turn, and hold it during the block.

        Args:
            estimate_bytes: memory that the work takes.
            check: called while waiting; what it raises ends the wait.
        """
        self._enter(_Waiting(estimate_bytes, time.monotonic()), check)
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._used -= estimate_bytes
                self._changed.notify_all()

    def _enter(self, mine: _Waiting, check: Callable[[], None]) -> None:
        with self._changed:
            self._queue.append(mine)
            try:
                while not self._may_enter(mine):
                    self._changed.wait(_CHECK_EVERY_S)
                    check()
                self._running += 1
                self._used += mine.bytes
            finally:
                self._queue.remove(mine)
                self._changed.notify_all()

    def _may_enter(self, mine: _Waiting) -> bool:
        if self._running >= self._slots or not self._fits(mine):
            return False
        for other in self._queue:
            if other is mine:
                return True
            is_patient = time.monotonic() - other.since_s < OVERTAKEN_FOR_S
            if self._fits(other) or not is_patient:
                return False
        raise AssertionError("it waits, so it is in the queue")

    def _fits(self, one: _Waiting) -> bool:
        return self._running == 0 or self._used + one.bytes <= self._budget


def memory_budget_bytes() -> int:
    """Memory that images may take together on this machine, or in this container."""
    free = [_available_bytes(), *_container_bytes()]
    return int(SHARE_OF_MEMORY * min(free))


def _available_bytes() -> int:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 4 * 1024**3  # macOS does not say


def _container_bytes() -> Iterator[int]:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(path).read_text("ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            yield int(text)
