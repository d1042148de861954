"""Idle: what `serve` and `serve --light` cost at rest, and how long they take to start.

The store is small: three devices, three days, processed. After a minute to settle, processor time
is read from the kernel, also that of processes that ended meanwhile; memory is the proportional set
size (PSS), in which pages that several processes share count once. A first number is the minutes
of each measurement (5 by default). `seconds of processor to start` does not depend on what else the
machine is doing; `seconds to start` does.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from trackflow_tests.helpers.fleet import import_drives, write_drives
from trackflow_tests.helpers.processes import with_variable, words_of
from trackflow_tests.helpers.served import Served, trackflow_serve

WAYS = {"serve": "serve", "serve --light": "serve --light"}
SETTLE_S = 60.0
START_S = 900.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def run(minutes: int = 5) -> dict[str, float | int | str]:
    """Measure both, one after another."""
    figures: dict[str, float | int | str] = {"minutes": minutes}
    for name, arguments in WAYS.items():
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            home = Path(folder) / "home"
            _fill(home, Path(folder))
            began = time.monotonic()
            with trackflow_serve(home, Path(folder), arguments, START_S) as served:
                figures[f"{name}: seconds to start"] = time.monotonic() - began
                figures[f"{name}: seconds of processor to start"] = _processor_s(home)
                figures |= _idle(name, served, minutes * 60.0)
                served.end(signal.SIGTERM)
    return figures


def _fill(home: Path, folder: Path) -> None:
    import_drives(home, write_drives(folder / "drives.csv"))
    subprocess.run(
        [sys.executable, "-m", "trackflow", "run"],
        env=os.environ | {"TRACKFLOW_HOME": str(home), "TRACKFLOW_ENGINE_URL": "none"},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _idle(name: str, served: Served, seconds: float) -> dict[str, float | int | str]:
    time.sleep(SETTLE_S)
    before, began = _processor_s(served.home), time.monotonic()
    time.sleep(seconds)
    used, took = _processor_s(served.home) - before, time.monotonic() - began
    by_process = {pid: _pss_mb(pid) for pid in with_variable("TRACKFLOW_HOME", served.home)}
    figures: dict[str, float | int | str] = {
        f"{name}: share of a core, %": 100 * used / took,
        f"{name}: processes": len(by_process),
        f"{name}: memory (PSS), MB": sum(by_process.values()),
    }
    for number, (pid, mb) in enumerate(sorted(by_process.items(), key=lambda found: -found[1])):
        said = " ".join(words_of(pid)[1:7])[:60]
        figures[f"{name}: process {number + 1}"] = f"{mb:.0f} MB, {_of(pid):.1f} s: {said}"
    return figures


def _processor_s(home: Path) -> float:
    return sum(_of(pid) for pid in with_variable("TRACKFLOW_HOME", home))


def _of(pid: int) -> float:
    """Processor seconds of a process and of its children that have ended."""
    with suppress(OSError):
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, after_name[11:15])) / TICKS_PER_S
    return 0.0


def _pss_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
