"""A client whose requests keep one deadline, and go to chosen addresses only.

Connections are kept and used again. An exchange takes a seventh of the processor time that it takes
through httpcore's pool, whose parser is written in Python. Where many threads wait for a service,
that time limits how much they get done, as they share Python's lock. Redirects, cookies and logins
are not needed here.
"""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from queue import Empty, SimpleQueue
from typing import Self

import httpx

from trackflow.concurrency.exchanges import Connection, Origin, Reply, Request
from trackflow.concurrency.sockets import CHECK_EVERY_S, Patience, Wire

type Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host and a port that may be connected to; raises if there are none."""

KEEPALIVE_S = 4.0
"""osrm-routed closes a connection after 5 idle seconds. Ours are closed before that: a request that
is sent at the same moment would fail."""


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
        self._changed = threading.Condition(threading.Lock())
        self._in_use = 0
        self._idle: list[Connection] = []
        self._is_closed = False

    def exchange(self, request: Request, patience: Patience) -> Reply:
        """The answer to a request.

        A server may close a kept connection at the moment at which it is used again, which is no
        failure of it: the request is then sent once more, on a new one.

        Raises:
            TooLateError: not in time.
            StoppedError: it was cut off.
            TooLargeError: the answer is larger than it may be.
            httpx.TransportError: the server cannot be reached or breaks off.
        """
        origin = _origin(request.url)
        connection = self._taken(origin, patience)
        try:
            if connection is not None:
                try:
                    return connection.exchange(request, patience)
                except (httpx.NetworkError, httpx.RemoteProtocolError):
                    connection.close()
            connection = Connection(origin, self._connected(origin, patience))
            return connection.exchange(request, patience)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close all connections; those in use after their requests."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _taken(self, origin: Origin, patience: Patience) -> Connection | None:
        """A place among the connections, and one that is kept for this server if there is one."""
        found: Connection | None = None
        expired: list[Connection] = []
        with self._changed:
            while self._in_use >= self._most:
                self._changed.wait(patience.next_check_s())
            self._in_use += 1
            now_s = time.monotonic()
            while self._idle and now_s - self._idle[0].used_at_s > KEEPALIVE_S:
                expired.append(self._idle.pop(0))
            for at in reversed(range(len(self._idle))):
                if self._idle[at].origin == origin:
                    found = self._idle.pop(at)
                    break
            if found is None and self._idle and self._in_use + len(self._idle) > self._most:
                expired.append(self._idle.pop(0))
        for connection in expired:
            connection.close()
        if found is not None and not found.is_alive():
            found.close()
            return None
        return found

    def _give_back(self, connection: Connection | None) -> None:
        with self._changed:
            self._in_use -= 1
            keeps = connection is not None and connection.is_reusable and not self._is_closed
            if connection is not None and keeps:
                self._idle.append(connection)
            self._changed.notify()
        if connection is not None and not keeps:
            connection.close()

    def _connected(self, origin: Origin, patience: Patience) -> Wire:
        """A new connection.

        Raises:
            httpx.ConnectError: none of the server's addresses can be connected to.
        """
        scheme, raw_host, port = origin
        host = raw_host.decode("ascii")
        # connected to by number: the name could lead elsewhere when it is looked up once more
        addresses = (host,) if self._resolve is None else self._looked_up(host, port, patience)
        failure: Exception | None = None
        for address in addresses:
            try:
                wire = Wire.to(address, port, patience)
                return wire.secured(_ssl_context(), host, patience) if scheme == "https" else wire
            except (OSError, UnicodeError) as error:
                failure = error
        raise httpx.ConnectError(str(failure)) from failure

    def _looked_up(self, host: str, port: int, patience: Patience) -> Sequence[str]:
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
            with suppress(Empty):
                addresses = found.get(timeout=min(patience.left_s(), CHECK_EVERY_S))
                break
        if isinstance(addresses, Exception):
            raise addresses
        return addresses


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates of all authorities takes 25 ms."""
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _origin(url: httpx.URL) -> Origin:
    """Scheme, host and port of an address.

    Raises:
        httpx.UnsupportedProtocol: it is none of HTTP.
    """
    scheme, host = url.scheme, url.raw_host
    if scheme not in ("http", "https") or not host:
        raise httpx.UnsupportedProtocol("the address does not begin with http:// or https://")
    return scheme, host, url.port or (443 if scheme == "https" else 80)
