"""Real mesh services as processes, and a receiver of their callbacks."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.running_api import plain_client
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBtZXNoZXM="
FINAL = ("completed", "failed", "cancelled")


@dataclass
class MeshService:
    """A running `trackflow mesh-service`."""

    process: subprocess.Popen[bytes]
    url: str
    home: Path
    output: Path
    client: httpx.Client

    def upload(
        self, image: bytes, *, key: str | None = None, name: str = "a.png", **fields: Any
    ) -> dict[str, Any]:
        """Request a mesh; the answer to it."""
        reply = self.try_upload(image, key=key, name=name, **fields)
        assert reply.status_code == 202, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def try_upload(
        self, image: bytes, *, key: str | None = None, name: str = "a.png", **fields: Any
    ) -> httpx.Response:
        data = {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(
            "/meshes", files={"image": (name, image)}, data=data, headers=headers
        )

    def state(self, mesh_id: str) -> dict[str, Any]:
        reply = self.client.get(f"/meshes/{mesh_id}")
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    def wait_for(self, mesh_id: str, *statuses: str) -> dict[str, Any]:
        """The state of a mesh, once it is one of these."""

        def found() -> dict[str, Any] | None:
            state = self.state(mesh_id)
            return state if state["status"] in (statuses or FINAL) else None

        return wait_until(found, lambda: self.state(mesh_id)) or {}

    def kill(self) -> None:
        """As the system does when memory is short."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def mesh_service(
    home: Path,
    *,
    port: int | None = None,
    prepare: Callable[[], None] | None = None,
    **settings: str,
) -> Iterator[MeshService]:
    """A service with callbacks, which may reach this machine.

    Args:
        home: its TRACKFLOW_HOME.
        port: that it listens on; a free one by default.
        prepare: called in its process before it starts.
        settings: variables without their prefix, in lower case.
    """
    port = port or free_port()
    variables = {
        "HOME": str(home),
        "MESH_SECRET": SECRET,
        "MESH_ALLOW_HOSTS": "127.0.0.1",
        "LEASE_S": "15",
        **{name.upper(): value for name, value in settings.items()},
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKFLOW_")}
    home.mkdir(parents=True, exist_ok=True)
    output = home / "output.txt"
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "trackflow", "mesh-service", "--port", str(port)],
            env=environment | {f"TRACKFLOW_{name}": value for name, value in variables.items()},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            preexec_fn=prepare,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        with plain_client(url, is_api=False) as client:
            _wait_until_healthy(client, process, output)
            yield MeshService(process, url, home, output, client)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(
    client: httpx.Client, process: subprocess.Popen[bytes], output: Path
) -> None:
    def is_healthy() -> bool:
        assert process.poll() is None, output.read_text()
        try:
            return client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(is_healthy, output.read_text, pause_s=0.1)


@dataclass
class Message:
    """A callback as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found

    def check(self) -> None:
        """Check the signature as any receiver would, by the public library."""
        Webhook(SECRET).verify(self.body, self.headers)


type Answering = Callable[[Message, int], int | None]
"""The status to answer a message with, by its number; None breaks the connection off."""


@dataclass
class Receiver:
    """What came to an address for callbacks."""

    url: str
    messages: list[Message] = field(default_factory=list)

    def of(self, mesh_id: str) -> list[Message]:
        return [one for one in list(self.messages) if one.data["mesh_id"] == mesh_id]

    def wait_for_end_of(self, mesh_id: str) -> list[Message]:
        """The messages of a mesh, once one has told its end."""
        return self.wait_for(
            mesh_id, lambda found: any(one.data["status"] in FINAL for one in found)
        )

    def wait_for(self, mesh_id: str, is_enough: Callable[[list[Message]], bool]) -> list[Message]:
        def found() -> list[Message]:
            messages = self.of(mesh_id)
            return messages if is_enough(messages) else []

        return wait_until(found, lambda: [one.data["status"] for one in self.of(mesh_id)])


@contextmanager
def receiver(answering: Answering = lambda _message, _number: 200) -> Iterator[Receiver]:
    """A server that notes callbacks, and answers them."""
    found = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            message = Message(headers, body)
            found.messages.append(message)
            status = answering(message, len(found.messages))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found.url = f"http://127.0.0.1:{server.server_address[1]}/told"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
