"""The real Dagster webserver and daemon as child processes, and the UI's own GraphQL API."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackflow.serving import dagster_settings
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running deployment."""

    url: str
    log: Path

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Ask GraphQL as the UI does."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": text, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def wait_for(self, what: str, ask: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """Ask again until the answer is true; returns it."""

        def why() -> str:
            return f"no {what}\n{self.tail()}"

        return wait_until(ask, why, pause_s=0.5, patience_s=patience_s)

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@contextmanager
def dagster_dev(dagster_home: Path, environment: dict[str, str]) -> Iterator[Server]:
    """`dagster dev` on the project's own workspace.yaml and our settings, on a free port."""
    dagster_home.mkdir(parents=True, exist_ok=True)
    (dagster_home / "dagster.yaml").write_text(dagster_settings(dagster_home))
    port = free_port()
    log = dagster_home / "server.log"
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(ROOT / "workspace.yaml")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "-p", str(port)],
            cwd=dagster_home,
            env=os.environ | {"DAGSTER_HOME": str(dagster_home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}", log)
    try:
        server.wait_for("webserver", lambda: _answers(process, server))
        yield server
    finally:
        _stop(process)


def _answers(process: subprocess.Popen[bytes], server: Server) -> bool:
    assert process.poll() is None, server.tail()
    try:
        with urllib.request.urlopen(f"{server.url}/server_info", timeout=PATIENCE_S):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end its children, then end what is left of its own process group."""
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
