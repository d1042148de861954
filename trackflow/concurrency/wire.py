"""Answers of HTTP/1.1 as they come off a connection; and whether something has come."""

import select
import socket

import httptools
import httpx

_WITHOUT_BODY = frozenset({204, 304})


class AnswerParser:
    """Takes the bytes of one answer; answers that only say "go on" (1xx) are passed over.

    Attributes:
        status: of HTTP.
        headers: names and values, as they came.
        has_head: whether status and headers are known.
        is_whole: whether the body is, too.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = self.is_whole = False
        self._has_more = self._ends_with_connection = self._stays_open = False
        self._parts: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    @property
    def may_be_followed(self) -> bool:
        """Whether the answer is whole, and its connection may be used again."""
        return self.is_whole and self._stays_open and not self._has_more

    def taken(self) -> list[bytes]:
        """The parts of the body since the last call."""
        found, self._parts = self._parts, []
        return found

    def feed(self, data: bytes) -> None:
        """Take bytes; none at the end of the connection.

        Raises:
            httpx.RemoteProtocolError: they are no answer, or the rest of it is missing.
        """
        if not data:
            if not (self.has_head and self._ends_with_connection):
                raise httpx.RemoteProtocolError("the connection ended before the answer did")
            self.is_whole = True
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_whole:
                raise httpx.RemoteProtocolError(f"no answer of HTTP: {error}") from error
            self._has_more = True

    # The methods below are called by the parser.

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._has_more = self.is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there."""
        if not self.has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """All headers are there."""
        if self.has_head:
            return
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self.headers = []
            return
        self.status, self.has_head = status, True
        has_length = any(
            name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.headers
        )
        self._ends_with_connection = not has_length and status not in _WITHOUT_BODY

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        if not self.is_whole:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """An answer is whole."""
        if self.has_head and not self.is_whole:
            self.is_whole = True
            # the parser knows it for the answer under way only
            self._stays_open = self._parser.should_keep_alive() and not self._ends_with_connection


def is_readable(stream: socket.socket) -> bool:
    """Whether bytes, or the end, of a connection have come."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    return bool(poll.poll(0))
