"""Keeps programs running: restarts a program that dies or hangs, and gives up one that keeps dying.

One thread for each program checks its health from outside, so that one that hangs does not delay
the others. The supervisor starts and kills programs in the thread that calls it: Linux signals a
child its parent's death when the thread that started it ends.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trackflow.concurrency.children import Process
from trackflow.errors import RetryableError, TrackflowError

STEP_S = 0.3
"""Between two checks for programs that have died."""


@dataclass(frozen=True, slots=True)
class SupervisionLimits:
    """When a program counts as hanging, and when it is given up; times in seconds.

    Attributes:
        every_s: between two health checks.
        answer_s: how long a check waits for an answer.
        failures: failed checks in a row after which it counts as hanging.
        start_s: how long a program may take until its first successful check.
        restarts: how often it is restarted within `window_s`; then it is given up.
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
        log: the file of its output.
        start: starts it, as the leader of a process group of its own.
        check: takes the process and how long to wait in seconds; returns the problem, or None if
            the process is healthy.
    """

    name: str
    log: Path
    start: Callable[[], Process]
    check: Callable[[Process, float], str | None]


class KeepsDyingError(TrackflowError):
    """A program kept dying after several restarts."""


class _ProgramRun:
    """One run of a program: its process, and the thread that checks its health."""

    def __init__(self, service: Service, process: Process, limits: SupervisionLimits) -> None:
        self.process = process
        self.is_well = False
        self._service, self._limits = service, limits
        self._started_s = time.monotonic()
        self._failures = 0
        self._last_problem = ""
        self._end = threading.Event()
        threading.Thread(
            target=self._check_health, name=f"watch {service.name}", daemon=True
        ).start()

    def close(self) -> None:
        """Stop the health checks."""
        self._end.set()

    def problem(self) -> str | None:
        """The reason to restart it; None while there is none."""
        code = self.process.poll()
        if code is not None:
            return f"it was killed by signal {-code}" if code < 0 else f"it ended with code {code}"
        if self.is_well and self._failures >= self._limits.failures:
            return self._last_problem
        if not self.is_well and time.monotonic() - self._started_s > self._limits.start_s:
            return f"it was not ready within {self._limits.start_s:g} s"
        return None

    def _check_health(self) -> None:
        while not self._end.is_set():
            problem = _stopped(self.process) or self._service.check(
                self.process, self._limits.answer_s
            )
            if problem is None:
                self.is_well, self._failures = True, 0
            else:
                self._last_problem = problem
                self._failures += 1
            # check often until it is up, as a person waits for it
            self._end.wait(self._limits.every_s if self.is_well else STEP_S)


@dataclass(slots=True)
class _SupervisedService:
    """A service with its present run and the times of its past deaths."""

    service: Service
    run: _ProgramRun | None = None
    deaths_s: deque[float] = field(default_factory=deque)
    start_again_s: float = 0.0
    is_awaited: bool = False


class Supervisor:
    """Starts services and keeps them running; a context that stops them on leaving.

    Args:
        services: in the order in which they start.
        stop: ends a process and its children gracefully.
        report: called with a line about each restart and its reason.
        limits: when a program counts as hanging, and when it is given up.
    """

    def __init__(
        self,
        services: Sequence[Service],
        stop: Callable[[Process], None],
        report: Callable[[str], None],
        limits: SupervisionLimits | None = None,
    ) -> None:
        self._supervised = [_SupervisedService(service) for service in services]
        self._stop, self._report = stop, report
        self._limits = limits or SupervisionLimits()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        processes = [
            supervised.run.process for supervised in self._supervised if supervised.run is not None
        ]
        for supervised in self._supervised:
            if supervised.run is not None:
                supervised.run.close()
        try:
            for process in reversed(processes):
                self._stop(process)
        finally:
            # a second interrupt may cut `stop` short: no process may be left behind all the same
            for process in processes:
                kill_group(process)

    def start(self) -> None:
        """Start the services one after another, each once the one before it is healthy.

        Raises:
            TrackflowError: one does not start; it is not tried again.
        """
        for supervised in self._supervised:
            self._begin(supervised)
            while supervised.run is not None and not supervised.run.is_well:
                problem = supervised.run.problem()
                if problem is not None:
                    name, log = supervised.service.name, supervised.service.log
                    raise TrackflowError(f"{name} did not start ({problem}): see {log}")
                time.sleep(STEP_S)

    def step(self) -> None:
        """Check every service once, and restart those with a problem; never waits long.

        Raises:
            KeepsDyingError: a service did not stay up.
        """
        now_s = time.monotonic()
        for supervised in self._supervised:
            if supervised.run is None:
                if now_s >= supervised.start_again_s:
                    self._begin_again(supervised, now_s)
            elif (problem := supervised.run.problem()) is not None:
                self._end(supervised, problem, now_s)
            elif supervised.is_awaited and supervised.run.is_well:
                supervised.is_awaited = False
                self._report(f"{supervised.service.name} is up again.")

    def _begin(self, supervised: _SupervisedService) -> None:
        process = supervised.service.start()
        supervised.run = _ProgramRun(supervised.service, process, self._limits)

    def _begin_again(self, supervised: _SupervisedService, now_s: float) -> None:
        try:
            self._begin(supervised)
        except RetryableError as error:
            self._rest(supervised, f"{error}", now_s)

    def _end(self, supervised: _SupervisedService, problem: str, now_s: float) -> None:
        assert supervised.run is not None
        supervised.run.close()
        # a program that hangs ignores softer signals; one that died may have left children
        kill_group(supervised.run.process)
        supervised.run, supervised.is_awaited = None, True
        self._rest(supervised, problem, now_s)

    def _rest(self, supervised: _SupervisedService, problem: str, now_s: float) -> None:
        """Leave a service without a run for a while, or give it up.

        Raises:
            KeepsDyingError: it has failed too often.
        """
        deaths = supervised.deaths_s
        deaths.append(now_s)
        while deaths and now_s - deaths[0] > self._limits.window_s:
            deaths.popleft()
        name, log, minutes = (
            supervised.service.name,
            supervised.service.log,
            self._limits.window_s / 60,
        )
        if len(deaths) > self._limits.restarts:
            raise KeepsDyingError(
                f"{name} has failed {len(deaths)} times within {minutes:g} minutes, the last time "
                f"because {problem}. Look into {log}, mend the cause and start again"
            )
        supervised.start_again_s = now_s + self._limits.pause_s * 2.0 ** (len(deaths) - 1)
        self._report(
            f"{name} is started again, as {problem} (failure {len(deaths)} within {minutes:g} "
            f"minutes; it is given up after {self._limits.restarts}). Its log: {log}"
        )


def kill_group(process: Process) -> None:
    """Kill a process and its children at once, and wait for its end."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _stopped(process: Process) -> str | None:
    found = stopped_in_group(process.pid)
    return f"process {found[0]} of it is stopped" if found else None


def stopped_in_group(group: int) -> list[int]:
    """Processes of a group that a SIGSTOP has stopped, and that do nothing until a SIGCONT."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # after the name, which may hold anything: state, parent, group
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if state == "T" and int(its_group) == group:
                found.append(int(folder.name))
    return found
