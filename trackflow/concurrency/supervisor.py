"""Keeps programs running: what dies or hangs is started again, and gives up on what keeps dying.

Health is asked from outside, by a thread of its own for each program, so that one that hangs holds
up nothing. The supervisor itself starts and kills in the thread that calls it: Linux tells a child
of its parent's death when the thread that started it ends.
"""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trackflow.errors import TrackflowError

type Process = subprocess.Popen[bytes]

STEP_S = 0.3
"""Between two looks whether something has died."""


@dataclass(frozen=True, slots=True)
class SupervisionLimits:
    """When a program counts as hanging, and when it is given up.

    Attributes:
        every_s: between two health checks.
        answer_s: how long a check waits for an answer.
        failures: checks in a row that must fail.
        start_s: how long a program may take until its first good check.
        restarts: how often it is started again within `window_s`; then it is given up.
        window_s: see `restarts`.
        pause_s: before the first restart within the window; doubled for each further one.
    """

    every_s: float = 3.0
    answer_s: float = 10.0
    failures: int = 3
    start_s: float = 180.0
    restarts: int = 5
    window_s: float = 600.0
    pause_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Service:
    """A program to keep running.

    Attributes:
        name: for messages, such as "The API".
        log: the file that its output goes to.
        start: starts it, as the leader of a process group of its own.
        check: given the process and how long to wait in seconds, what is wrong with it, or None if
            it is well.
    """

    name: str
    log: Path
    start: Callable[[], Process]
    check: Callable[[Process, float], str | None]


class KeepsDyingError(TrackflowError):
    """A program that was started again and again did not stay up."""


class _ProgramRun:
    """One life of a program: its process, and the thread that asks how it is."""

    def __init__(self, service: Service, process: Process, limits: SupervisionLimits) -> None:
        self.process = process
        self.is_well = False
        self._service, self._limits = service, limits
        self._started_s = time.monotonic()
        self._failures = 0
        self._last_problem = ""
        self._end = threading.Event()
        threading.Thread(target=self._ask, name=f"watch {service.name}", daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._end.set()

    def problem(self) -> str | None:
        """Why it must be started again; None while it need not."""
        code = self.process.poll()
        if code is not None:
            return f"it was killed by signal {-code}" if code < 0 else f"it ended with code {code}"
        if self.is_well and self._failures >= self._limits.failures:
            return self._last_problem
        if not self.is_well and time.monotonic() - self._started_s > self._limits.start_s:
            return f"it was not ready within {self._limits.start_s:g} s"
        return None

    def _ask(self) -> None:
        while not self._end.is_set():
            problem = _stopped(self.process) or self._service.check(
                self.process, self._limits.answer_s
            )
            if problem is None:
                self.is_well, self._failures = True, 0
            else:
                self._last_problem = problem
                self._failures += 1
            # until it is up, a person waits for it
            self._end.wait(self._limits.every_s if self.is_well else STEP_S)


@dataclass(slots=True)
class _SupervisedService:
    """A service with its present life and its past deaths."""

    service: Service
    watch: _ProgramRun | None = None
    deaths_s: deque[float] = field(default_factory=deque)
    start_again_s: float = 0.0
    is_awaited: bool = False


class Supervisor:
    """Starts services and keeps them running; a context that stops them on leaving.

    Args:
        services: in the order in which they start.
        stop: ends a process and all that it has started, politely.
        tell: told in a line what was started again, and why.
        limits: when something hangs, and when it is given up.
    """

    def __init__(
        self,
        services: Sequence[Service],
        stop: Callable[[Process], None],
        tell: Callable[[str], None],
        limits: SupervisionLimits | None = None,
    ) -> None:
        self._kept = [_SupervisedService(service) for service in services]
        self._stop, self._tell = stop, tell
        self._limits = limits or SupervisionLimits()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        processes = [kept.watch.process for kept in self._kept if kept.watch is not None]
        for kept in self._kept:
            if kept.watch is not None:
                kept.watch.close()
        try:
            for process in reversed(processes):
                self._stop(process)
        finally:
            # another interrupt hurries us: nothing may be left behind all the same
            for process in processes:
                kill_group(process)

    def start(self) -> None:
        """Start everything, one after another, each once the one before it is well.

        Raises:
            TrackflowError: something does not start; it is not tried again.
        """
        for kept in self._kept:
            self._begin(kept)
            while kept.watch is not None and not kept.watch.is_well:
                problem = kept.watch.problem()
                if problem is not None:
                    name, log = kept.service.name, kept.service.log
                    raise TrackflowError(f"{name} did not start ({problem}): see {log}")
                time.sleep(STEP_S)

    def step(self) -> None:
        """Look once at everything, and start again what must be; never waits long.

        Raises:
            KeepsDyingError: something did not stay up.
        """
        now_s = time.monotonic()
        for kept in self._kept:
            if kept.watch is None:
                if now_s >= kept.start_again_s:
                    self._begin(kept)
            elif (problem := kept.watch.problem()) is not None:
                self._end(kept, problem, now_s)
            elif kept.is_awaited and kept.watch.is_well:
                kept.is_awaited = False
                self._tell(f"{kept.service.name} is up again.")

    def _begin(self, kept: _SupervisedService) -> None:
        process = kept.service.start()
        kept.watch = _ProgramRun(kept.service, process, self._limits)

    def _end(self, kept: _SupervisedService, problem: str, now_s: float) -> None:
        assert kept.watch is not None
        kept.watch.close()
        # what hangs does not listen to anything softer; what died may have left children
        kill_group(kept.watch.process)
        kept.watch, kept.is_awaited = None, True
        deaths = kept.deaths_s
        deaths.append(now_s)
        while deaths and now_s - deaths[0] > self._limits.window_s:
            deaths.popleft()
        name, log, minutes = kept.service.name, kept.service.log, self._limits.window_s / 60
        if len(deaths) > self._limits.restarts:
            raise KeepsDyingError(
                f"{name} has failed {len(deaths)} times within {minutes:g} minutes, the last time "
                f"because {problem}. Look into {log}, mend the cause and start again"
            )
        kept.start_again_s = now_s + self._limits.pause_s * 2.0 ** (len(deaths) - 1)
        self._tell(
            f"{name} is started again, as {problem} (failure {len(deaths)} within {minutes:g} "
            f"minutes; it is given up after {self._limits.restarts}). Its log: {log}"
        )


def kill_group(process: Process) -> None:
    """End a process and what it has started at once, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _stopped(process: Process) -> str | None:
    found = stopped_in_group(process.pid)
    return f"process {found[0]} of it is stopped" if found else None


def stopped_in_group(group: int) -> list[int]:
    """Processes of a group that somebody has stopped (SIGSTOP), and that do nothing until woken."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # after the name, which may hold anything: state, parent, group
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if state == "T" and int(its_group) == group:
                found.append(int(folder.name))
    return found
