"""The real `trackflow serve` as a child process, and a look at what it leaves behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trackflow_tests.helpers.dagster_server import Server
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.processes import with_variable
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

READY = "Ctrl-C stops it."


@dataclass
class Served:
    """A running `trackflow serve`."""

    process: subprocess.Popen[bytes]
    server: Server
    api: str
    home: Path
    output: Path

    def said(self) -> str:
        return self.output.read_text()

    def is_ready(self) -> bool:
        is_there = self.process.poll() is None
        assert READY in self.said() or is_there, self.said()
        return READY in self.said()

    def end(self, number: signal.Signals) -> int:
        """Send it a signal, as a keyboard or a service manager does; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def trackflow_serve(
    home: Path, folder: Path, arguments: str = "serve", start_s: float = PATIENCE_S
) -> Iterator[Served]:
    """`trackflow` with these arguments on free ports, once it says it is ready.

    Args:
        home: its TRACKFLOW_HOME.
        folder: where it runs, and where its output is kept.
        arguments: what follows `trackflow`.
        start_s: how long it may take to start.
    """
    port, dagster_port = free_port(), free_port()
    ports = ["--port", str(port), "--dagster-port", str(dagster_port)]
    command = [sys.executable, "-m", "trackflow", *arguments.split(), *ports]
    output = folder / "serve.txt"
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables | {"TRACKFLOW_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    log = home / "dagster" / "dagster.log"
    server = Server(f"http://127.0.0.1:{dagster_port}", log)
    served = Served(process, server, f"http://127.0.0.1:{port}", home, output)
    try:
        wait_until(served.is_ready, served.said, pause_s=0.2, patience_s=start_s)
        yield served
    finally:
        for pid in left_behind(home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def check_that_nothing_is_left(served: Served) -> None:
    """After its end nobody listens any more, and no process of its own is there."""
    wait_until_gone(served.home)
    assert "Traceback" not in served.said()
    for url in (served.server.url, served.api):
        port = int(url.rpartition(":")[2])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, url


def wait_until_gone(home: Path) -> None:
    """A killed process takes a moment to end; nobody waits for those of others."""
    wait_until(lambda: not left_behind(home), lambda: left_behind(home), pause_s=0.1)


def left_behind(home: Path) -> list[int]:
    """Every process that was started for this home, by whomever."""
    return with_variable("TRACKFLOW_HOME", home)
