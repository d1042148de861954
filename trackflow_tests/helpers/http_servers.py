"""Real servers for tests: an osrm-routed on loopback, and one whose answers a test sets."""

import importlib.util
import secrets
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol


class Out(Protocol):
    """Where an answer is written to."""

    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> None: ...


type Behaviour = Callable[[Out], None]


@contextmanager
def osrm_server(dataset: Path, *options: str) -> Iterator[str]:
    """The base URL of an osrm-routed that serves `dataset`."""
    spec = importlib.util.find_spec("osrm")
    assert spec is not None
    assert spec.submodule_search_locations
    program = Path(spec.submodule_search_locations[0]) / "bin" / "osrm-routed"
    port = free_port()
    command = [str(program), "--algorithm", "mld", "--ip", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--threads", "2", *options, str(dataset)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            output = ""
            for line in process.stdout:
                output += line
                if "waiting for requests" in line:
                    break
            else:
                raise AssertionError(f"osrm-routed did not start: {output}")
            # Its output is not read from here on: a full pipe would stop it.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on.

    Programs take seconds to start. So it is none of those that the system gives to outgoing
    connections (from 32768 on), of which tests make hundreds meanwhile.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = 10_000 + secrets.randbelow(22_000)
            probe.bind(("127.0.0.1", port))
            return port


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        while True:
            head = b""
            while line := self.rfile.readline():
                head += line
                if line == b"\r\n":
                    break
            if not head.endswith(b"\r\n\r\n"):
                return
            server.heads.append(head.decode())
            try:
                server.behave(self.wfile)
            except OSError:
                return  # the client has gone, as it should
            if not server.keep_alive:
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    behave: Behaviour
    keep_alive: bool
    heads: list[str]


@contextmanager
def server_that(behave: Behaviour, *, keep_alive: bool = False) -> Iterator[tuple[str, list[str]]]:
    """The base URL of a server that answers each request by `behave`, and the heads it got."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.behave, server.keep_alive, server.heads = behave, keep_alive, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", server.heads
        finally:
            server.shutdown()
            thread.join()


def answering(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """A complete answer; underscores in header names stand for hyphens."""

    def behave(out: Out) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        out.write("\r\n".join([*lines, "", ""]).encode() + body)

    return behave
