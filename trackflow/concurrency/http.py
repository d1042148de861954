"""One HTTP request that ends in time, stays small, can be cut off and leaks nothing to the log.

The usual timeouts are per read: a server that drips a byte now and then holds a "1 s" request for
as long as it likes. `ask` has one deadline for everything, which the client's network streams keep,
and a cap on the body. Nothing is logged: whole URLs hold the positions of people, or addresses.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from trackflow.concurrency.connections import HttpClient, remaining_s, until
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.switch import Stop

MAX_RETRY_AFTER_S = 3600.0
"""The longest Retry-After that is obeyed; work must not wait for ever."""

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
    client: HttpClient,
    url: httpx.URL,
    *,
    deadline_s: float,
    max_bytes: int,
    headers: Mapping[str, str] = _JSON,
    stop: Stop | None = None,
    method: str = "GET",
    content: bytes | None = None,
) -> Reply:
    """Send one request within `deadline_s` seconds in all; redirects are not followed.

    It must be one that may be sent twice: a GET, or one that names itself by an id.

    Args:
        client: makes the request.
        url: the address.
        deadline_s: seconds for everything, from the connection to the last byte.
        max_bytes: the size limit of the body, as it is sent.
        headers: request headers; a caller that allows compression must unpack the body, bounded.
        stop: cuts the request off, at most a quarter of a second after it is set.
        method: of HTTP.
        content: the body that is sent.

    Raises:
        TooLateError: it took longer.
        TooLargeError: the body has more than `max_bytes` bytes.
        StoppedError: `stop` is set.
        httpx.HTTPError: the server cannot be reached or breaks off.
    """
    request = _Request(method, url, headers, content)
    with until(time.monotonic() + deadline_s, stop):
        try:
            return _ask(client, request, max_bytes)
        except httpx.TimeoutException:
            raise TooLateError from None
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # The server may have closed the kept connection at this moment, which is no failure of
            # it; the request may be sent again, within the same deadline.
            try:
                return _ask(client, request, max_bytes)
            except httpx.TimeoutException:
                raise TooLateError from None


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None


def _ask(client: HttpClient, request: _Request, max_bytes: int) -> Reply:
    parts, size = [], 0
    with client.answer_to(request.method, request.url, request.headers, request.content) as answer:
        for part in answer.iter_stream():
            remaining_s()
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                raise TooLargeError
    return Reply(answer.status, httpx.Headers(answer.headers), b"".join(parts))


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
