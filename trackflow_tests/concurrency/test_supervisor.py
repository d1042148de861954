"""What dies or hangs is started again, with a limit; with real processes and real signals."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trackflow.concurrency.supervisor import (
    KeepsDyingError,
    Process,
    Service,
    SupervisionLimits,
    Supervisor,
    kill_group,
    stopped_in_group,
)
from trackflow.errors import RetryableError, TrackflowError
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

LIMITS = SupervisionLimits(
    every_s=0.1, answer_s=1, failures=2, start_s=PATIENCE_S, restarts=3, window_s=600, pause_s=0.01
)

PROGRAM = """
import pathlib, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
if (folder / "broken").exists():
    sys.exit(7)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(folder / f"child-{child.pid}").touch()
(folder / "alive").touch()
time.sleep(600)
"""


class Scene:
    """A program that is well while a file is there, and what the supervisor said of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.lives: list[int] = []

    def service(self) -> Service:
        return Service("The toy", self.folder / "toy.log", self._start, self._check)

    def _start(self) -> Process:
        if (self.folder / "full").exists():
            raise RetryableError("the toy cannot be started: No space left on device")
        (self.folder / "alive").unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.folder)], start_new_session=True
        )
        self.lives.append(process.pid)
        return process

    def _check(self, _: Process, within_s: float) -> str | None:
        return None if (self.folder / "alive").exists() else f"no answer within {within_s:g} s"

    def children(self) -> list[int]:
        return [int(p.name.partition("-")[2]) for p in self.folder.glob("child-*")]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    yield Scene(tmp_path)
    for pid in Scene(tmp_path).children():
        wait_until(lambda pid=pid: _has_ended(pid), "a child is left")


def until(supervisor: Supervisor, happened: Callable[[], bool]) -> None:
    def has_happened() -> bool:
        supervisor.step()
        return happened()

    if not happened():
        wait_until(has_happened, pause_s=0.02)


def supervised(scene: Scene, limits: SupervisionLimits = LIMITS) -> Supervisor:
    return Supervisor([scene.service()], kill_group, scene.said.append, limits)


def test_what_is_killed_is_started_again(scene: Scene) -> None:
    with supervised(scene) as supervisor:
        supervisor.start()
        until(supervisor, lambda: scene.children())
        first_children = scene.children()
        os.kill(scene.lives[0], signal.SIGKILL)
        until(supervisor, lambda: len(scene.lives) == 2 and len(scene.children()) == 2)
        assert "killed by signal 9" in scene.said[0]
        assert "toy.log" in scene.said[0]
        until(supervisor, lambda: scene.said[1:] == ["The toy is up again."])
        first_child = first_children[0]
        # what the dead one had started ends with it
        wait_until(lambda: _has_ended(first_child), "its child is left")


@pytest.mark.parametrize("of", ["leader", "child"])
def test_what_is_stopped_is_started_again(scene: Scene, of: str) -> None:
    with supervised(scene) as supervisor:
        supervisor.start()
        pid = scene.lives[0] if of == "leader" else scene.children()[0]
        os.kill(pid, signal.SIGSTOP)
        until(supervisor, lambda: len(scene.lives) == 2)
        assert f"process {pid} of it is stopped" in scene.said[0]
        wait_until(lambda: _has_ended(pid), "the stopped one is left")


def test_what_no_longer_answers_is_started_again(scene: Scene) -> None:
    with supervised(scene) as supervisor:
        supervisor.start()
        (scene.folder / "alive").unlink()
        until(supervisor, lambda: len(scene.lives) == 2)
        assert "no answer within 1 s" in scene.said[0]


def test_one_failed_check_is_not_enough(scene: Scene) -> None:
    patient = SupervisionLimits(every_s=0.05, answer_s=1, failures=10_000, start_s=PATIENCE_S)
    with supervised(scene, patient) as supervisor:
        supervisor.start()
        (scene.folder / "alive").unlink()
        for _ in range(20):
            supervisor.step()
            time.sleep(0.05)
        assert scene.said == []


def test_what_keeps_dying_is_given_up_with_a_clear_message(scene: Scene) -> None:
    with supervised(scene) as supervisor:
        supervisor.start()
        (scene.folder / "broken").touch()
        os.kill(scene.lives[0], signal.SIGKILL)
        with pytest.raises(KeepsDyingError) as given_up:
            until(supervisor, lambda: False)
    message = str(given_up.value)
    assert "The toy has failed 4 times within 10 minutes" in message
    assert "it ended with code 7" in message
    assert "toy.log" in message
    assert len(scene.lives) == 1 + LIMITS.restarts


def test_what_cannot_be_started_for_a_while_is_tried_again(scene: Scene) -> None:
    with supervised(scene) as supervisor:
        supervisor.start()
        (scene.folder / "full").touch()
        os.kill(scene.lives[0], signal.SIGKILL)
        until(supervisor, lambda: len(scene.said) == 2)
        assert "No space left" in scene.said[1]
        (scene.folder / "full").unlink()
        until(supervisor, lambda: len(scene.lives) == 2)


def test_old_failures_are_forgotten(scene: Scene) -> None:
    with supervised(scene, replace(LIMITS, restarts=1, window_s=0.0)) as supervisor:
        supervisor.start()
        for number in range(1, 4):
            os.kill(scene.lives[-1], signal.SIGKILL)
            until(supervisor, lambda number=number: len(scene.lives) == number + 1)


def test_what_does_not_start_is_not_tried_again(scene: Scene) -> None:
    (scene.folder / "broken").touch()
    with (
        supervised(scene) as supervisor,
        pytest.raises(TrackflowError, match=r"did not start \(it ended with code 7\).*toy.log"),
    ):
        supervisor.start()
    assert len(scene.lives) == 1


def test_stopped_processes_are_found_in_their_group_only(scene: Scene) -> None:
    with supervised(scene) as supervisor:
        supervisor.start()
        (child,) = scene.children()
        assert stopped_in_group(scene.lives[0]) == []
        os.kill(child, signal.SIGSTOP)
        found = wait_until(lambda: stopped_in_group(scene.lives[0]), "a stopped child")
        assert found == [child]
        assert stopped_in_group(os.getpgid(0)) == []
        os.kill(child, signal.SIGCONT)


def _has_ended(pid: int) -> bool:
    """Whether it has; also one that nobody waits for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):
        return True
