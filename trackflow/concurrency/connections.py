"""A client whose connections keep one deadline in every read, and go to chosen addresses only.

Its connections are kept open and used again, its answers are parsed by httptools (llhttp, the
parser of Node). Of what larger clients do on top (redirects, cookies, logins, proxies) nothing is
needed here, and it costs several times as much processor time: half a millisecond for each request,
which is what limits work that waits for a service of 20 ms.
"""

import socket
import ssl
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from queue import Empty, SimpleQueue
from typing import Self

import httpx

from trackflow import __version__
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.switch import Stop
from trackflow.concurrency.wire import AnswerParser, is_readable
from trackflow.errors import StoppedError

type Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host and a port that may be connected to; raises if there are none."""

type Origin = tuple[str, str, int]
"""Scheme, host and port."""

KEEPALIVE_S = 4.0
"""osrm-routed closes a connection after 5 idle seconds. Ours are closed before that: a request that
is sent at the same moment would fail."""

USER_AGENT = f"trackflow/{__version__}"
PORTS = {"http": 80, "https": 443}

READ_BYTES = 65_536
MOST_HEAD_BYTES = 100_000

_deadline: ContextVar[float | None] = ContextVar("trackflow_http_deadline", default=None)
"""When the request of this thread must be over, in monotonic seconds; None outside of `ask`."""

_stop: ContextVar[Stop | None] = ContextVar("trackflow_http_stop", default=None)
"""The event that cuts the request of this thread off; None if nothing can."""

_CHECK_EVERY_S = 0.25
"""How often a request checks whether it is cut off."""


@contextmanager
def until(deadline: float, stop: Stop | None) -> Iterator[None]:
    """A block whose connections keep a deadline, in monotonic seconds, and end by `stop`."""
    token, stop_token = _deadline.set(deadline), _stop.set(stop)
    try:
        yield
    finally:
        _deadline.reset(token)
        _stop.reset(stop_token)


def remaining_s(at_most_s: float | None = None) -> float | None:
    """Seconds until the deadline, `at_most_s` if that is less.

    Raises:
        TooLateError: none are left.
        StoppedError: the request is cut off.
    """
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise StoppedError("the request was cut off")
    deadline = _deadline.get()
    if deadline is None:
        return at_most_s
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TooLateError
    return left_s if at_most_s is None else min(left_s, at_most_s)


def _slice_s() -> float | None:
    """How long to wait at once: until the deadline, or the next look whether it is cut off."""
    return remaining_s(None if _stop.get() is None else _CHECK_EVERY_S)


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates of all authorities takes 25 ms."""
    return httpx.create_ssl_context()


class HttpClient:
    """Connections to servers, kept open and used again. Threads share one."""

    def __init__(self, connections: int = 8, resolve: Resolver | None = None) -> None:
        """A client without connections.

        Args:
            connections: at most so many at the same time.
            resolve: chooses the addresses that are connected to, such as
                `public_addresses.PublicAddresses.resolve`; None for the machine's resolver.
        """
        self._most, self._resolve = connections, resolve
        self._free = threading.Semaphore(connections)
        self._lock = threading.Lock()
        self._idle: deque[_Connection] = deque()
        self._used: set[_Connection] = set()
        self._is_closed = False

    @contextmanager
    def answer_to(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None
    ) -> Iterator["Answer"]:
        """The answer to one request, its body still to be read.

        Args:
            method: of HTTP; not HEAD.
            url: the address; its user and password are sent as basic authentication.
            headers: of the request.
            content: its body.

        Raises:
            httpx.TransportError: the server cannot be reached or breaks off.
            TooLateError: not within the deadline.
            StoppedError: it is cut off.
        """
        request = _request(method, url, headers, content)
        origin = _origin(url)
        while not self._free.acquire(timeout=_slice_s()):
            pass
        try:
            connection = self._taken(origin) or self._opened(origin)
            try:
                connection.send(request)
                answer = Answer(connection)
                yield answer
                self._keep(connection, answer)
            finally:
                with self._lock:
                    self._used.discard(connection)
                    is_kept = connection in self._idle
                if not is_kept:
                    connection.close()
        finally:
            self._free.release()

    def close(self) -> None:
        """Close all connections; requests under way break off."""
        with self._lock:
            self._is_closed = True
            idle, used = list(self._idle), list(self._used)
            self._idle.clear()
        for connection in idle:
            connection.close()
        for connection in used:
            connection.break_off()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _taken(self, origin: Origin) -> "_Connection | None":
        """A kept connection that the server has not closed; those that are too old are closed."""
        now_s = time.monotonic()
        while True:
            with self._lock:
                old = [one for one in self._idle if now_s - one.idle_since_s >= KEEPALIVE_S]
                for one in old:
                    self._idle.remove(one)
                found = next((one for one in reversed(self._idle) if one.origin == origin), None)
                if found is not None:
                    self._idle.remove(found)
                    self._used.add(found)
            for one in old:
                one.close()
            if found is None or not is_readable(found.stream):
                return found
            with self._lock:  # it was closed, or says something that nobody has asked for
                self._used.discard(found)
            found.close()

    def _opened(self, origin: Origin) -> "_Connection":
        connection = _Connection(origin, self._stream(origin))
        with self._lock:
            self._used.add(connection)
        return connection

    def _keep(self, connection: "_Connection", answer: "Answer") -> None:
        if not answer.may_be_followed:
            return
        connection.idle_since_s = time.monotonic()
        with self._lock:
            if self._is_closed:
                return
            self._idle.append(connection)
            too_many = self._idle.popleft() if len(self._idle) > self._most else None
        if too_many is not None:
            too_many.close()

    def _stream(self, origin: Origin) -> socket.socket:
        """A new connection.

        Raises:
            httpx.ConnectError: there is none.
        """
        scheme, host, port = origin
        # connected to by number: the name could lead elsewhere when it is looked up once more
        addresses = (host,) if self._resolve is None else self._looked_up(host, port)
        for address in addresses[:-1]:
            with suppress(httpx.ConnectError):
                return _connected(scheme, host, address, port)
        return _connected(scheme, host, addresses[-1], port)

    def _looked_up(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host, within the deadline, which the system's resolver does not know.

        A look-up that takes longer ends in its own thread.
        """
        assert self._resolve is not None
        resolve = self._resolve
        found: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

        def look_up() -> None:
            try:
                found.put(resolve(host, port))
            except Exception as error:  # noqa: BLE001  raised below, in the thread that waits
                found.put(error)

        threading.Thread(target=look_up, daemon=True, name="resolver").start()
        while True:
            left_s = remaining_s(_CHECK_EVERY_S)
            with suppress(Empty):
                addresses = found.get(timeout=left_s)
                break
        if isinstance(addresses, Exception):
            raise addresses
        return addresses


class _Connection:
    """A connection to a server; one request at a time uses it."""

    def __init__(self, origin: Origin, stream: socket.socket) -> None:
        self.origin, self.stream = origin, stream
        self.idle_since_s = 0.0

    def send(self, data: bytes) -> None:
        """Send a request.

        Raises:
            httpx.WriteError: the server has closed the connection.
            TooLateError: not within the deadline.
        """
        self.stream.settimeout(remaining_s())
        try:
            self.stream.sendall(data)
        except TimeoutError:
            raise TooLateError from None
        except OSError as error:
            raise httpx.WriteError(str(error)) from error

    def receive(self) -> bytes:
        """Some bytes, none at the end.

        Raises:
            httpx.ReadError: the connection breaks off.
            TooLateError: not within the deadline.
            StoppedError: the request is cut off.
        """
        while True:
            self.stream.settimeout(_slice_s())
            try:
                return self.stream.recv(READ_BYTES)
            except TimeoutError:
                continue  # a read that times out has taken nothing from the connection
            except OSError as error:
                raise httpx.ReadError(str(error)) from error

    def break_off(self) -> None:
        """End what another thread waits for."""
        with suppress(OSError):
            self.stream.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it."""
        self.stream.close()


class Answer:
    """An answer whose head has come.

    Attributes:
        status: of HTTP.
        headers: names and values, as they came.
    """

    def __init__(self, connection: _Connection) -> None:
        """Read the head.

        Raises:
            httpx.RemoteProtocolError: what comes is no answer, or the connection ends before it.
        """
        self._connection, self._parser = connection, AnswerParser()
        size = 0
        while not self._parser.has_head:
            size += self._feed()
            if size > MOST_HEAD_BYTES and not self._parser.has_head:
                raise httpx.RemoteProtocolError("the head of the answer is too long")
        self.status, self.headers = self._parser.status, self._parser.headers

    @property
    def may_be_followed(self) -> bool:
        """Whether the body has been read, and the connection may be used again."""
        return self._parser.may_be_followed

    def parts(self) -> Iterator[bytes]:
        """The body, part by part as it comes."""
        while True:
            yield from self._parser.taken()
            if self._parser.is_whole:
                return
            self._feed()

    def _feed(self) -> int:
        data = self._connection.receive()
        self._parser.feed(data)
        return len(data)


def _connected(scheme: str, host: str, address: str, port: int) -> socket.socket:
    try:
        stream = socket.create_connection((address, port), remaining_s())
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scheme == "http":
            return stream
        stream.settimeout(remaining_s())
        return _ssl_context().wrap_socket(stream, server_hostname=host)
    except TimeoutError as error:
        raise httpx.ConnectTimeout(str(error)) from error
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(str(error)) from error


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in PORTS or not url.host:
        raise httpx.UnsupportedProtocol("the address begins with neither http:// nor https://")
    return url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme]


def _request(
    method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None
) -> bytes:
    """The bytes of a request.

    Raises:
        httpx.LocalProtocolError: a header would be more than one line.
    """
    lines = [f"{method} {url.raw_path.decode('ascii')} HTTP/1.1"]
    lines += [f"Host: {url.netloc.decode('ascii')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if "User-Agent" not in headers:
        lines.append(f"User-Agent: {USER_AGENT}")
    if url.userinfo and "Authorization" not in headers:
        credentials = f"{url.username}:{url.password}".encode()
        lines.append(f"Authorization: Basic {b64encode(credentials).decode()}")
    if content is not None or method not in ("GET", "DELETE"):
        lines.append(f"Content-Length: {len(content or b'')}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise httpx.LocalProtocolError("a header of the request has more than one line")
    return head.encode() + b"\r\n\r\n" + (content or b"")
