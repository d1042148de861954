"""One exchange over a connection: a request out, a whole and bounded answer in.

The parser is llhttp, that of uvicorn, in C. Nothing is logged.
"""

import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import httptools
import httpx

from trackflow import __version__
from trackflow.concurrency.sockets import Patience, Wire

IDLE_S = 0.1
"""A connection that was idle for longer is looked at before it is used: the server may have closed
it, or have sent what nobody asked for."""

MOST_HEADER_BYTES = 100_000

USER_AGENT = f"trackflow/{__version__}".encode()


class TooLargeError(Exception):
    """The body is larger than allowed."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that may be sent twice: a GET, or one that names itself by an id.

    Attributes:
        method: of HTTP, but for HEAD.
        url: the address; its user and password are sent as basic authentication.
        headers: further ones.
        content: the body.
        most_bytes: the size limit of the answer's body, as it is sent.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    headers: httpx.Headers
    body: bytes


type Origin = tuple[str, bytes, int]


class Connection:
    """A connection to one server, and the parser of its answers, which calls the `on_` methods."""

    def __init__(self, origin: Origin, wire: Wire) -> None:
        self.origin = origin
        self.used_at_s = time.monotonic()
        self.is_reusable = False
        self._wire = wire
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0
        self._status = 0
        self._is_complete = False

    def is_alive(self) -> bool:
        """Whether the server seems to keep it as well."""
        return time.monotonic() - self.used_at_s < IDLE_S or not self._wire.has_news()

    def close(self) -> None:
        """Close it."""
        self._wire.close()

    def exchange(self, request: Request, patience: Patience) -> Reply:
        """The answer to a request; the connection can be used again only after a whole answer."""
        self.is_reusable = False
        self._headers, self._parts, self._size = [], [], 0
        self._status, self._is_complete = 0, False
        data = _sent(request)
        try:
            self._wire.send(data, patience)
        except OSError as error:
            raise httpx.WriteError(str(error)) from error
        read = 0
        while not self._is_complete:
            try:
                received = self._wire.receive(patience)
            except OSError as error:
                raise httpx.ReadError(str(error)) from error
            self._read(received)
            read += len(received)
            if self._size > request.most_bytes:
                raise TooLargeError
            if not self._status and read > MOST_HEADER_BYTES:
                _break_off("the headers of the answer are too large")
        return Reply(self._status, httpx.Headers(self._headers), b"".join(self._parts))

    def _read(self, received: bytes) -> None:
        if not received:
            self._end()
            return
        try:
            self._parser.feed_data(received)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._is_complete:
                raise httpx.RemoteProtocolError(str(error)) from None
            self.is_reusable = False  # bytes after the answer
        self.used_at_s = time.monotonic()

    def _end(self) -> None:
        """The server has closed the connection: the end of an answer that names no other."""
        names = {name.lower() for name, _ in self._headers}
        if not self._status or names & {b"content-length", b"transfer-encoding"}:
            _break_off("the server has closed the connection without a whole answer")
        self._is_complete = True

    def on_message_begin(self) -> None:
        """An answer begins; after a whole one, a second one that nobody asked for."""
        if self._is_complete:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those after the body (a trailer) concern nobody."""
        if not self._status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the status, unless a further answer follows (1xx)."""
        status = self._parser.get_status_code()
        if status >= 200:
            self._status = status

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        self._parts.append(data)
        self._size += len(data)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it only announces another one."""
        self._is_complete = bool(self._status)
        if self._is_complete:
            self.is_reusable = self._parser.should_keep_alive()
        else:
            self._headers = []


def _break_off(reason: str) -> NoReturn:
    raise httpx.RemoteProtocolError(reason)


def _sent(request: Request) -> bytes:
    """The bytes of a request.

    Raises:
        httpx.LocalProtocolError: a header would end its line, and begin another one.
    """
    method, url, headers, content = request.method, request.url, request.headers, request.content
    lines = [b"%s %s HTTP/1.1" % (method.encode("ascii"), url.raw_path), b"Host: " + url.netloc]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    if "User-Agent" not in headers:
        lines.append(b"User-Agent: " + USER_AGENT)
    if url.userinfo and "Authorization" not in headers:
        credentials = f"{url.username}:{url.password}".encode()
        lines.append(b"Authorization: Basic " + b64encode(credentials))
    if content is not None or method not in ("GET", "DELETE"):
        lines.append(b"Content-Length: %d" % len(content or b""))
    head = b"\r\n".join((*lines, b"\r\n"))
    if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
        raise httpx.LocalProtocolError("a header of the request has a line break")
    return head + content if content else head
