"""Runs the programs of OSRM that build a road network.

They are those of the osrm-bindings wheel, run directly rather than by `python -m osrm`, which puts
a second process between us and the program that would outlive a kill.
"""

import importlib.util
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from trackflow.errors import NetworkBuildError


def osrm_home() -> Path:
    """The folder of the osrm package, found without loading its 20 MB.

    Raises:
        NetworkBuildError: it is not installed.
    """
    spec = importlib.util.find_spec("osrm")
    if spec is None or not spec.submodule_search_locations:
        raise NetworkBuildError("OSRM's programs are missing: pip install osrm-bindings")
    return Path(spec.submodule_search_locations[0])


class ProgramRun:
    """One run of one of OSRM's programs, to its end, deadline or interruption."""

    def __init__(
        self,
        program: str,
        arguments: list[str],
        cwd: Path,
        deadline: float,
        report: Callable[[str], None],
    ) -> None:
        self.program = program
        self.timed_out = False
        # The last lines hold the reason of a failure; all lines of a long build would be megabytes.
        self.lines: deque[str] = deque(maxlen=50)
        # Relative paths inside `cwd` keep the temporary folder out of every message.
        self.process = subprocess.Popen(
            [str(osrm_home() / "bin" / f"osrm-{program}"), *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        watchdog = threading.Timer(max(deadline - time.monotonic(), 0.0), self._time_out)
        watchdog.daemon = True
        watchdog.start()
        output = self.process.stdout
        assert output is not None
        try:
            self._follow(output, report)
            self.process.wait()
        finally:
            # Also on Ctrl-C, and when `report` raises: the program must not outlive its caller.
            watchdog.cancel()
            self.process.kill()
            self.process.wait()
            output.close()

    def _time_out(self) -> None:
        self.timed_out = True
        self.process.kill()

    def _follow(self, output: IO[str], report: Callable[[str], None]) -> None:
        for raw in output:
            line = _without_stamp(raw)
            # Progress bars arrive as lines of dots and percentages.
            if re.search(r"[a-zA-Z]", line):
                self.lines.append(line)
            # Of a hundred lines, those that end like this announce a step.
            if line.endswith("..."):
                report(f"{self.program}: {line.rstrip(' .')}")

    def failure(self) -> str | None:
        """Why it failed, in its own words; None if it did not."""
        if self.timed_out:
            return "took longer than the deadline"
        code = self.process.returncode
        if code == 0:
            return None
        error_lines = [line for line in self.lines if re.match(r"\[error\]|what\(\):", line)]
        if code in (-9, -15) and not error_lines:
            return f"was killed by signal {-code}"
        reason = (
            error_lines[-1]
            if error_lines
            else (self.lines[-1] if self.lines else f"exit code {code}")
        )
        return _without_origin(reason)


def _without_stamp(line: str) -> str:
    """A line of OSRM's log without its time and, for ordinary lines, its level."""
    return re.sub(r"^\[[\d:T.-]+\] (\[info\] )?", "", line).strip()


def _without_origin(line: str) -> str:
    """An error of OSRM without its level and the place in its source code."""
    line = re.sub(r"^(\[\w+\]|what\(\):)\s*", "", line)
    line = re.sub(r"\s*\(at \S+:\d+\)$", "", line)
    return re.sub(r"\.?\s*(src|include)/\S+:\d+$", "", line)
