"""A client whose connections keep one deadline in every read, and go to chosen addresses only.

It is httpcore's pool of kept connections, used directly. httpx's client on top of it has redirects,
cookies and logins, of which nothing is needed here, and costs as much processor time again; its
timeouts are per read.
"""

import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any, Self

import httpcore
import httpx

from trackflow import __version__
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.switch import Stop
from trackflow.errors import StoppedError

type Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host and a port that may be connected to; raises if there are none."""

KEEPALIVE_S = 4.0
"""osrm-routed closes a connection after 5 idle seconds. Ours are closed before that: a request that
is sent at the same moment would fail."""

USER_AGENT = f"trackflow/{__version__}".encode()

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
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=_DeadlineBackend(resolve),
        )

    @contextmanager
    def answer_to(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None
    ) -> Iterator[httpcore.Response]:
        """The answer to one request, its body still to be read.

        Args:
            method: of HTTP.
            url: the address; its user and password are sent as basic authentication.
            headers: of the request.
            content: its body.

        Raises:
            httpx.TransportError: the server cannot be reached or breaks off.
        """
        left_s = remaining_s()
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=_headers(method, url, headers, content),
            content=content,
            extensions={"timeout": dict.fromkeys(("connect", "pool", "read", "write"), left_s)},
        )
        with _errors_of_httpx():
            answer = self._pool.handle_request(request)
            try:
                yield answer
            finally:
                answer.close()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _headers(
    method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes | None
) -> list[tuple[bytes, bytes]]:
    sent = [(b"Host", url.netloc)]
    sent += [(name.encode("ascii"), value.encode()) for name, value in headers.items()]
    if "User-Agent" not in headers:
        sent.append((b"User-Agent", USER_AGENT))
    if url.userinfo and "Authorization" not in headers:
        credentials = f"{url.username}:{url.password}".encode()
        sent.append((b"Authorization", b"Basic " + b64encode(credentials)))
    if content is not None or method not in ("GET", "HEAD", "DELETE"):
        sent.append((b"Content-Length", str(len(content or b"")).encode()))
    return sent


_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        raise _ERRORS[type(error)](str(error)) from error


class _DeadlineBackend(httpcore.NetworkBackend):
    def __init__(self, resolve: Resolver | None) -> None:
        self._inner = httpcore.SyncBackend()
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        # connected to by number: the name could lead elsewhere when it is looked up once more
        addresses = (host,) if self._resolve is None else self._looked_up(host, port)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError):
                return self._connected(address, port, timeout, local_address, socket_options)
        return self._connected(addresses[-1], port, timeout, local_address, socket_options)

    def _connected(
        self,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.NetworkStream:
        left_s = remaining_s(timeout)
        return _DeadlineStream(
            self._inner.connect_tcp(address, port, left_s, local_address, socket_options)
        )

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

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if _stop.get() is None:
            return self._inner.read(max_bytes, remaining_s(timeout))
        while True:
            left_s = remaining_s(timeout)
            slice_s = _CHECK_EVERY_S if left_s is None else min(left_s, _CHECK_EVERY_S)
            # A read that times out has taken nothing from the connection.
            with suppress(httpcore.ReadTimeout):
                return self._inner.read(max_bytes, slice_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, remaining_s(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._inner.start_tls(ssl_context, server_hostname, remaining_s(timeout))
        return _DeadlineStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
