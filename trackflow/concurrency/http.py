"""One HTTP request that ends in time, stays small, can be cut off and leaks nothing to the log.

The usual timeouts are per read: a server that drips a byte now and then holds a "1 s" request for
as long as it likes. `ask` has one deadline for everything, which the client's network streams keep,
and a cap on the body. Nothing is logged: whole URLs hold the positions of people, or addresses.
"""

import math
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.exchanges import Reply, Request
from trackflow.concurrency.sockets import Patience
from trackflow.concurrency.switch import Stop

MAX_RETRY_AFTER_S = 3600.0
"""The longest Retry-After that is obeyed; work must not wait for ever."""

_JSON = {"Accept": "application/json", "Accept-Encoding": "identity"}
"""A compressed body could grow a thousandfold on unpacking, past any cap on what is read."""


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
    request = Request(method, url, headers, content, max_bytes)
    return client.exchange(request, Patience(time.monotonic() + deadline_s, stop))


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
