"""One HTTP request that ends in time, stays small, can be cut off and leaks nothing to the log.

httpx's timeouts are per read: a server that drips a byte now and then holds a "1 s" request for as
long as it likes. `ask` has one deadline for everything and a cap on the body. For the body it keeps
the deadline with any client; for the connection and the headers, which httpx reads by itself, the
network streams of a client of `new_client` keep it.
"""

import logging
import math
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpcore
import httpx

from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.switch import Stop
from trackflow.errors import StoppedError

KEEPALIVE_S = 4.0
"""osrm-routed closes a connection after 5 idle seconds. Ours are closed before that: a request that
is sent at the same moment would fail."""

MAX_RETRY_AFTER_S = 3600.0
"""The longest Retry-After that is obeyed; work must not wait for ever."""

_deadline: ContextVar[float | None] = ContextVar("trackflow_http_deadline", default=None)
"""When the request of this thread must be over, in monotonic seconds; None outside of `ask`."""

_stop: ContextVar[Stop | None] = ContextVar("trackflow_http_stop", default=None)
"""The event that cuts the request of this thread off; None if nothing can."""

_CHECK_EVERY_S = 0.25
"""How often a request checks whether it is cut off."""

_JSON = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""A compressed body could grow a thousandfold on unpacking, past any cap on what is read."""


class TooLargeError(Exception):
    """The body is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    headers: httpx.Headers
    body: bytes


def ask(
    client: httpx.Client,
    url: httpx.URL,
    *,
    deadline_s: float,
    max_bytes: int,
    headers: Mapping[str, str] = _JSON,
    stop: Stop | None = None,
) -> Reply:
    """GET `url` within `deadline_s` seconds in all; redirects are not followed.

    Args:
        client: one of `new_client`; with any other the deadline holds for the body only.
        url: the address to get.
        deadline_s: seconds for everything, from the connection to the last byte.
        max_bytes: the size limit of the body, as it is sent.
        headers: request headers; a caller that allows compression must unpack the body, bounded.
        stop: cuts the request off, at most a quarter of a second after it is set.

    Raises:
        TooLateError: it took longer.
        TooLargeError: the body has more than `max_bytes` bytes.
        StoppedError: `stop` is set.
        httpx.HTTPError: the server cannot be reached or breaks off.
    """
    with _until(time.monotonic() + deadline_s, stop):
        try:
            return _ask(client, url, max_bytes, headers)
        except httpx.TimeoutException:
            raise TooLateError from None
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # The server may have closed the kept connection at this moment, which is no failure of
            # it; a GET may be sent again, within the same deadline.
            try:
                return _ask(client, url, max_bytes, headers)
            except httpx.TimeoutException:
                raise TooLateError from None


def _ask(client: httpx.Client, url: httpx.URL, max_bytes: int, headers: Mapping[str, str]) -> Reply:
    parts, size = [], 0
    with client.stream(
        "GET", url, headers=dict(headers), timeout=_remaining_s(), follow_redirects=False
    ) as response:
        for part in response.iter_raw():
            _remaining_s()
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise TooLargeError
    return Reply(response.status_code, response.headers, b"".join(parts))


@contextmanager
def _until(deadline: float, stop: Stop | None) -> Iterator[None]:
    token, stop_token = _deadline.set(deadline), _stop.set(stop)
    try:
        yield
    finally:
        _deadline.reset(token)
        _stop.reset(stop_token)


def _remaining_s(at_most_s: float | None = None) -> float | None:
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


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Seconds from a Retry-After header (seconds or a date), None if it makes no sense.

    Args:
        header: its value.
        now_s: Unix time, which dates are relative to.
    """
    if not header:
        return None
    try:
        wait_s = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        wait_s = date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_s
    if math.isnan(wait_s):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S)


def new_client(*, connections: int = 8) -> httpx.Client:
    """A client whose connections keep the deadline of `ask` in every single read."""
    return httpx.Client(
        transport=_DeadlineTransport(connections), trust_env=False, follow_redirects=False
    )


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates of all authorities takes 25 ms."""
    return httpx.create_ssl_context()


class _DeadlineTransport(httpx.BaseTransport):
    """httpx on httpcore's connections, with network streams that keep the deadline.

    httpx's own transport takes no streams. An asynchronous client under anyio's deadline would need
    none, but costs 1 to 2 ms more of processor time per request, and 5 ms per matched window.
    """

    def __init__(self, connections: int) -> None:
        self._connections = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=KEEPALIVE_S,
            network_backend=_DeadlineBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request of httpx; the caller reads the answer's body later."""
        assert isinstance(request.stream, httpx.SyncByteStream)
        url = request.url
        with _errors_of_httpx():
            answer = self._connections.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._connections.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


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
    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(
            self._inner.connect_tcp(
                host, port, _remaining_s(timeout), local_address, socket_options
            )
        )

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if _stop.get() is None:
            return self._inner.read(max_bytes, _remaining_s(timeout))
        while True:
            left_s = _remaining_s(timeout)
            slice_s = _CHECK_EVERY_S if left_s is None else min(left_s, _CHECK_EVERY_S)
            # A read that times out has taken nothing from the connection.
            with suppress(httpcore.ReadTimeout):
                return self._inner.read(max_bytes, slice_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _remaining_s(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._inner.start_tls(ssl_context, server_hostname, _remaining_s(timeout))
        return _DeadlineStream(stream)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _NoCoordinates(logging.Filter):
    """Drops httpx's log lines about our requests: they hold whole URLs, at INFO.

    OSRM's URLs hold the positions of people, a geocoder's their addresses. Requests of other
    libraries in the same process stay logged.
    """

    def filter(self, _: logging.LogRecord) -> bool:
        return _deadline.get() is None


logging.getLogger("httpx").addFilter(_NoCoordinates())
