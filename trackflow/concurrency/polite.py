"""Pages of other people's sites: identified, spaced, bounded in time and size, never in circles.

One client serves all threads. It makes one try per call, so that whoever calls decides on retries;
a Retry-After holds back every thread, not only the one that got it.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, Self

import httpx

from trackflow import __version__
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.http import TooLargeError, ask, new_client, retry_after_s
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
"""For one request; the deadline of all tries may be longer."""


@dataclass(frozen=True, slots=True)
class Page:
    """What came, with status 200.

    Attributes:
        url: where it came from, after redirects.
        body: unpacked.
        seconds: from the first request to the last byte, waits for one's turn left out.
    """

    url: str
    body: bytes
    seconds: float = 0.0


class PageClient(Protocol):
    """How pages are fetched: `PoliteClient`, or a test's own."""

    def get(self, url: str, deadline: Deadline) -> Page:
        """A page with status 200, redirects followed; one try.

        Raises:
            SourceError: one of its subclasses says why there is none.
            StoppedError: the site is switched off.
        """
        ...


@dataclass(slots=True)
class PoliteClient:
    """A client for one site.

    Attributes:
        limit: at most so many requests per second.
        switch: stops everything at once, requests under way included.
        user_agent: who asks; a site's owner should find a way to reach him in it.
        most_bytes: what a page may hold, unpacked.
        slowest_s: what one request may take, however late the deadline of all tries is.
        client: what makes the requests; closed with this.
    """

    limit: RateLimit
    switch: Switch
    user_agent: str = USER_AGENT
    most_bytes: int = MOST_BYTES
    slowest_s: float = SLOWEST_S
    client: httpx.Client = field(default_factory=lambda: new_client(connections=32))

    def get(self, url: str, deadline: Deadline) -> Page:
        """A page; redirects are followed, at most five and to web addresses only.

        Raises:
            TooLateError: not within the deadline.
            SourceBusyError: the site wants to be left alone for a while.
            SourceUnavailableError: it cannot be reached, breaks off or fails.
            PageMissingError: there is no such page.
            PageRefusedError: it is not given, or it is too large.
            RedirectError: redirects lead in circles, on and on, or elsewhere than to the web.
            SwitchedOffError: the kill switch is thrown.
        """
        at = _web_url(url)
        been, seconds = {str(at)}, 0.0
        while True:
            self.switch.check()
            self.limit.wait(deadline, self.switch)
            began = time.monotonic()
            status, headers, body = self._ask(at, deadline)
            seconds += time.monotonic() - began
            if status == HTTPStatus.OK:
                return Page(str(at), body, seconds)
            if not (300 <= status < 400 and "Location" in headers):
                raise self._wrong_status(at, status, headers)
            at = _goal(at, headers["Location"])
            if str(at) in been:
                raise RedirectError(f"{_shown(at)} redirects in circles")
            if len(been) > MOST_REDIRECTS:
                raise RedirectError(f"{_shown(at)} redirects more than {MOST_REDIRECTS} times")
            been.add(str(at))

    def close(self) -> None:
        """Close its connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, url: httpx.URL, deadline: Deadline) -> tuple[int, httpx.Headers, bytes]:
        shown = _shown(url)
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
            message = f"{shown} gave no answer in time"
            if deadline.is_over:
                raise TooLateError(message) from None
            raise SourceUnavailableError(message) from None
        except TooLargeError:
            raise PageRefusedError(
                f"{shown} sends more than {self.most_bytes / 1e6:.0f} MB"
            ) from None
        except DamagedGzipError:
            raise SourceUnavailableError(f"{shown} sends what cannot be unpacked") from None
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise SourceUnavailableError(f"{shown} cannot be reached ({name})") from None
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
    """The body as it was before the server packed it.

    Raises:
        TooLargeError: it holds more than `most_bytes` bytes.
        DamagedGzipError: it is broken.
    """
    if headers.get("Content-Encoding", "").strip().lower() != "gzip":
        return body
    parts: list[bytes] = []
    size = 0
    with suppress(TrailingDataError):  # browsers pass over it as well
        for piece in gunzip([body]):
            parts.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise TooLargeError
    return b"".join(parts)
