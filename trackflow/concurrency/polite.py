"""Fetches pages of other people's sites: identified, spaced, bounded in time, size and redirects.

One client serves all threads. It makes one try per call, so that the caller decides on retries; a
Retry-After delays every thread, not only the one that received it.
"""

import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, Self

import httpx

from trackflow import __version__
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.http import TooLargeError, ask, retry_after_s
from trackflow.concurrency.permits import ConnectionLimit
from trackflow.concurrency.rate_limit import RateLimit
from trackflow.concurrency.switch import Switch
from trackflow.errors import (
    PageMissingError,
    PageRefusedError,
    RedirectError,
    SourceBusyError,
    SourceError,
    SourceUnavailableError,
    StoppedError,
)
from trackflow.files import DamagedGzipError, TrailingDataError, gunzip

USER_AGENT = f"trackflow/{__version__} (track catalogue)"
MOST_BYTES = 16 * 1024 * 1024
"""A list of a thousand tracks takes 1 MB."""

MOST_REDIRECTS = 5
SLOWEST_S = 20.0
"""The longest time of one request; the deadline of all tries may be later."""


_FREE = nullcontext()


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was received with status 200.

    Attributes:
        url: its address, after redirects.
        body: unpacked.
        seconds: from the first request to the last byte, without waits for the rate limit.
    """

    url: str
    body: bytes
    seconds: float = 0.0


class PageClient(Protocol):
    """Fetches pages: `PoliteClient`, or a test's own client."""

    def get(self, url: str, deadline: Deadline) -> Page:
        """A page with status 200, redirects followed; one try.

        Raises:
            SourceError: there is none; its subclass is the reason.
            StoppedError: the site is switched off.
        """
        ...


@dataclass(slots=True)
class PoliteClient:
    """A client for one site.

    Attributes:
        limit: the rate limit of the site.
        switch: stops everything at once, requests under way included.
        user_agent: names the sender; a site's owner should find in it how to reach them.
        most_bytes: the size limit of a page, unpacked.
        slowest_s: the time limit of one request, however late the deadline of all tries is.
        client: makes the requests; closed with this object.
        connections: limits the requests at once; None for no limit.
    """

    limit: RateLimit
    switch: Switch
    user_agent: str = USER_AGENT
    most_bytes: int = MOST_BYTES
    slowest_s: float = SLOWEST_S
    client: HttpClient = field(default_factory=lambda: HttpClient(connections=32))
    connections: ConnectionLimit | None = None

    def get(self, url: str, deadline: Deadline) -> Page:
        """A page; redirects are followed, at most five and to web addresses only.

        Raises:
            TooLateError: not within the deadline.
            SourceBusyError: the site asks for a rest.
            SourceUnavailableError: it cannot be reached, breaks off or fails.
            PageMissingError: there is no such page.
            PageRefusedError: the site refuses the page, or it is too large.
            RedirectError: redirects form a loop, are too many, or lead to no web address.
            SwitchedOffError: the kill switch is thrown.
        """
        at = _web_url(url)
        visited: set[str] = set()
        seconds = 0.0
        while True:
            self.switch.check()
            self.limit.wait(deadline, self.switch)
            with self.connections.held(deadline, self.switch) if self.connections else _FREE:
                began = time.monotonic()
                status, headers, body = self._ask(at, deadline)
                seconds += time.monotonic() - began
            if status == HTTPStatus.OK:
                return Page(str(at), body, seconds)
            if not (300 <= status < 400 and "Location" in headers):
                raise self._wrong_status(at, status, headers)
            visited.add(str(at))
            at = _goal(at, headers["Location"])
            if str(at) in visited:
                raise RedirectError(f"{_shown(at)} redirects in circles")
            if len(visited) > MOST_REDIRECTS:
                raise RedirectError(f"{_shown(at)} redirects more than {MOST_REDIRECTS} times")

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, url: httpx.URL, deadline: Deadline) -> tuple[int, httpx.Headers, bytes]:
        headers = {"User-Agent": self.user_agent, "Accept-Encoding": "gzip", "Accept": "*/*"}
        try:
            reply = ask(
                self.client,
                url,
                deadline_s=min(deadline.left_s, self.slowest_s),
                max_bytes=self.most_bytes,
                headers=headers,
                stop=self.switch,
            )
            body = _unpacked(reply.body, reply.headers, self.most_bytes)
        except StoppedError:
            self.switch.check()
            raise
        except TooLateError:
            message = f"{_shown(url)} gave no answer in time"
            if deadline.is_over:
                raise TooLateError(message) from None
            raise SourceUnavailableError(message) from None
        except TooLargeError:
            raise PageRefusedError(
                f"{_shown(url)} sends more than {self.most_bytes / 1e6:.0f} MB"
            ) from None
        except DamagedGzipError:
            raise SourceUnavailableError(f"{_shown(url)} sends what cannot be unpacked") from None
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise SourceUnavailableError(f"{_shown(url)} cannot be reached ({name})") from None
        return reply.status, reply.headers, body

    def _wrong_status(self, url: httpx.URL, status: int, headers: httpx.Headers) -> SourceError:
        message = f"{_shown(url)} answers with HTTP {status}"
        if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            wait_s = retry_after_s(headers.get("Retry-After"), time.time())
            if wait_s is not None:
                self.limit.rest(wait_s)
            return SourceBusyError(message, wait_s)
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return PageMissingError(message)
        if status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
            return SourceUnavailableError(message)
        return PageRefusedError(message)


def _shown(url: httpx.URL) -> str:
    """An address for messages: without credentials, and without its query, which may be private."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


def _web_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise RedirectError(f"{text.partition('?')[0][:200]!r} is no address on the web")
    return url


def _goal(here: httpx.URL, location: str) -> httpx.URL:
    try:
        return _web_url(str(here.join(location)))
    except httpx.InvalidURL:
        raise RedirectError(f"{_shown(here)} redirects to no address on the web") from None


def _unpacked(body: bytes, headers: httpx.Headers, most_bytes: int) -> bytes:
    """The body without the server's compression.

    Raises:
        TooLargeError: it holds more than `most_bytes` bytes.
        DamagedGzipError: it is broken.
    """
    if headers.get("Content-Encoding", "").strip().lower() != "gzip":
        return body
    parts: list[bytes] = []
    size = 0
    with suppress(TrailingDataError):  # browsers ignore it as well
        for piece in gunzip([body]):
            parts.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise TooLargeError
    return b"".join(parts)
