"""Programs that the operations guide calls and that a test must not: they need root or systemd.

    python stand_ins.py PROGRAM ARGUMENTS

`sudo` runs the command as who we are. `systemctl` starts what a unit's ExecStart says with its
environment, and stops it by its KillSignal. Like the real one it does not wait until a service is
up: the page looks whether it is.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until


def main() -> int:
    program, *arguments = sys.argv[1:]
    return PROGRAMS[program](arguments)


def sudo(arguments: Sequence[str]) -> int:
    """`sudo [-u USER] [NAME=VALUE]… COMMAND`, as this user; files get no other owner."""
    words = list(arguments)
    if words[0] == "-u":
        del words[:2]
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        os.environ[name] = value
    if "-o" in words and words[0] == "install":
        place = words.index("-o")
        del words[place : place + 2]
    os.execvp(words[0], words)


def systemctl(arguments: Sequence[str]) -> int:
    """The verbs of the guide, for units in the test's own root folder."""
    verb, *rest = [word for word in arguments if word not in ("--now", "--no-pager")]
    if verb == "daemon-reload":
        return 0
    unit = Unit(rest[0])
    if verb in ("stop", "restart"):
        unit.stop()
    if verb in ("start", "restart", "enable") and not unit.is_timer:
        unit.start()
    if verb == "status":
        return 0 if unit.is_running() else 3
    return 0


def systemd_run(arguments: Sequence[str]) -> int:
    """`systemd-run --property=EnvironmentFile=FILE … COMMAND`."""
    words = list(arguments)
    while words[0].startswith("--"):
        option = words.pop(0)
        if option.startswith("--property=EnvironmentFile="):
            os.environ.update(variables(Path(option.rpartition("=")[2])))
    os.execvp(words[0], words)


def journalctl(arguments: Sequence[str]) -> int:
    """What the unit has written."""
    print(Unit(arguments[arguments.index("--unit") + 1]).output.read_text())
    return 0


def variables(path: Path) -> dict[str, str]:
    """Of an environment file."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


class Unit:
    """A unit of systemd, run by hand."""

    def __init__(self, name: str) -> None:
        root = Path(os.environ["GUIDE_ROOT"])
        file_name = name if "." in name else f"{name}.service"
        self.is_timer = file_name.endswith(".timer")
        self.output = root / f"{file_name}.log"
        self._pid_file = root / f"{file_name}.pid"
        text = (root / "etc/systemd/system" / file_name).read_text().replace("\\\n", " ")
        self._lines = [line.split("=", 1) for line in text.splitlines() if "=" in line]

    def _values(self, key: str) -> list[str]:
        return [value for name, value in self._lines if name == key]

    def start(self) -> None:
        environment = dict(os.environ)
        for file in self._values("EnvironmentFile"):
            environment |= variables(Path(file))
        is_oneshot = "oneshot" in self._values("Type")
        for command in self._values("ExecStart"):
            words = shlex.split(command.replace("%%", "%").replace("$$", "$"))
            with self.output.open("wb") as output:
                process = subprocess.Popen(
                    words, env=environment, stdout=output, stderr=subprocess.STDOUT
                )
            if is_oneshot:
                assert process.wait(PATIENCE_S) == 0, self.output.read_text()
            else:
                self._pid_file.write_text(str(process.pid))

    def is_running(self) -> bool:
        if not self._pid_file.exists():
            return False
        path = Path("/proc") / self._pid_file.read_text() / "stat"
        return path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z"

    def stop(self) -> None:
        if self.is_running():
            number = getattr(signal, (self._values("KillSignal") or ["SIGTERM"])[0])
            os.kill(int(self._pid_file.read_text()), number)
        wait_until(lambda: not self.is_running(), self.output.read_text, pause_s=0.2)
        self._pid_file.unlink(missing_ok=True)


PROGRAMS: dict[str, Callable[[Sequence[str]], int]] = {
    "sudo": sudo,
    "systemctl": systemctl,
    "systemd-run": systemd_run,
    "journalctl": journalctl,
    "useradd": lambda _: 0,  # a user of the machine
}

if __name__ == "__main__":
    sys.exit(main())
