"""A light HTTP client for load: many kept connections, one thread, little more than sockets.

It shares two cores with what it measures; httpx alone would take longer than the server. Each
connection sends one request at a time. A request is bytes that somebody else makes.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

type MakeRequest = Callable[[int], bytes]
"""The bytes of the request with this number."""


class Server(NamedTuple):
    """Where requests go: a port of this machine, or one of another address by TLS."""

    port: int
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    name: str | None = None


@dataclass
class Load:
    """What was sent and answered.

    Attributes:
        seconds: from the first request to the last answer.
        latencies_s: of answered requests, from when they were due.
        answered: numbers of the requests that were answered with 2xx.
        failed: answers with another status.
        broken: requests whose connection broke before there was an answer.
    """

    seconds: float = 0.0
    latencies_s: list[float] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    failed: int = 0
    broken: int = 0

    @property
    def rate(self) -> float:
        """Successful answers per second."""
        return len(self.answered) / self.seconds


def request(
    path: str,
    body: bytes,
    secret: str = "",
    content_type: str = "application/json",
    method: str = "POST",
    host: str = "127.0.0.1",
) -> bytes:
    """A request as it goes over the wire.

    Args:
        path: of the address.
        body: the body.
        secret: a token; none if it is empty.
        content_type: of the body.
        method: the method.
        host: name of the site.
    """
    token = f"Authorization: Bearer {secret}\r\n" if secret else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{token}Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One request at a time; `done` is called with its status, or 0 when the connection broke."""

    def __init__(self, done: Callable[["_Connection", int], None]) -> None:
        self._done = done
        self._buffer = b""
        self.busy = False
        self.alive = True
        self.number = 0
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, number: int, due: float, data: bytes) -> None:
        self.number, self.due, self.busy = number, due, True
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        _, named, length = head.lower().partition(b"content-length: ")
        if named and len(rest) < int(length.partition(b"\r\n")[0]):
            return
        self._buffer, self.busy = b"", False
        self._done(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        if self.busy:
            self.busy = False
            self._done(self, 0)

    def close(self) -> None:
        self._transport.close()


async def _connect(
    server: int | Server, count: int, done: Callable[[_Connection, int], None]
) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    port, host, tls, name = Server(server) if isinstance(server, int) else server
    made = [
        await loop.create_connection(
            lambda: _Connection(done), host, port, ssl=tls, server_hostname=name
        )
        for _ in range(count)
    ]
    return [protocol for _, protocol in made]


async def as_fast_as_possible(
    port: int | Server,
    make: MakeRequest,
    *,
    connections: int,
    seconds: float,
    first: int = 0,
    load: Load | None = None,
) -> Load:
    """Each connection sends its next request as soon as the last one is answered.

    Args:
        port: of the server on this machine, or another server.
        make: makes requests.
        connections: how many at once.
        seconds: for how long new requests are sent; what is on its way is waited for.
        first: number of the first request.
        load: what is sent is noted there, to be looked at meanwhile.
    """
    load, numbers = load or Load(), _counter(first)
    started = time.perf_counter()
    ended = asyncio.Event()
    running = connections

    def done(connection: _Connection, status: int) -> None:
        nonlocal running
        now = time.perf_counter()
        _note(load, connection, status, now)
        if connection.alive and status and now - started < seconds:
            number = next(numbers)
            connection.send(number, time.perf_counter(), make(number))
            return
        running -= 1
        if not running:
            ended.set()

    opened = await _connect(port, connections, done)
    started = time.perf_counter()
    for connection in opened:
        number = next(numbers)
        connection.send(number, time.perf_counter(), make(number))
    await ended.wait()
    load.seconds = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return load


async def at_rate(
    port: int | Server,
    make: MakeRequest,
    *,
    per_second: float,
    connections: int,
    seconds: float,
    first: int = 0,
) -> Load:
    """Requests are due at even intervals, whether or not earlier ones are answered.

    One that finds no free connection waits for it, and its latency counts from when it was due.

    Args:
        port: of the server on this machine, or another server.
        make: makes requests.
        per_second: how many are due a second.
        connections: how many at once.
        seconds: for how long.
        first: number of the first request.
    """
    load = Load()
    free: deque[_Connection] = deque()
    waiting: deque[tuple[int, float]] = deque()
    pending, all_sent, ended = 0, False, asyncio.Event()

    def begin(connection: _Connection, number: int, due: float) -> None:
        connection.send(number, due, make(number))

    def done(connection: _Connection, status: int) -> None:
        nonlocal pending
        pending -= 1
        _note(load, connection, status, time.perf_counter())
        if waiting and connection.alive:
            begin(connection, *waiting.popleft())
        elif connection.alive:
            free.append(connection)
        if all_sent and not pending:
            ended.set()

    opened = await _connect(port, connections, done)
    free.extend(opened)
    started = time.perf_counter()
    for k in range(round(per_second * seconds)):
        due = started + k / per_second
        if (delay := due - time.perf_counter()) > 0:
            await asyncio.sleep(delay)
        pending += 1
        if free:
            begin(free.popleft(), first + k, due)
        else:
            waiting.append((first + k, due))
    all_sent = True
    if pending:
        await ended.wait()
    load.seconds = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return load


def _note(load: Load, connection: _Connection, status: int, now: float) -> None:
    if 200 <= status < 300:
        load.answered.append(connection.number)
        load.latencies_s.append(now - connection.due)
    elif status:
        load.failed += 1
    else:
        load.broken += 1


def _counter(first: int) -> Iterator[int]:
    number = first
    while True:
        yield number
        number += 1
