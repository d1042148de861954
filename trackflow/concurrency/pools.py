"""Figures of the pools of this process: who looks from outside sees whether work piles up."""

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The state of all runs of one pool.

    Attributes:
        threads: that live.
        running: calls under way.
        waiting: items in hand that are not begun.
        given_up: threads that hang beyond their deadline.
    """

    threads: int = 0
    running: int = 0
    waiting: int = 0
    given_up: int = 0

    def __add__(self, other: "PoolFigures") -> "PoolFigures":
        return PoolFigures(
            self.threads + other.threads,
            self.running + other.running,
            self.waiting + other.waiting,
            self.given_up + other.given_up,
        )


class PoolRun(Protocol):
    """A run that tells its figures."""

    def figures(self) -> tuple[str, PoolFigures]:
        """The name of the pool and the figures."""
        ...


class Pools:
    """The runs of a process that are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[int, PoolRun] = {}

    def begin(self, run: PoolRun) -> None:
        """Note a run that begins."""
        with self._lock:
            self._runs[id(run)] = run

    def end(self, run: PoolRun) -> None:
        """Forget a run that has ended."""
        with self._lock:
            self._runs.pop(id(run), None)

    def figures(self) -> dict[str, PoolFigures]:
        """Of all pools with a run under way, by name."""
        with self._lock:
            runs = list(self._runs.values())
        found: defaultdict[str, PoolFigures] = defaultdict(PoolFigures)
        for run in runs:
            name, figures = run.figures()
            found[name] += figures
        return dict(found)


POOLS = Pools()
"""Those of this process."""
