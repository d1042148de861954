"""Health checks of programs on this machine, made from outside their processes."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

SILENT_S = 300.0
"""Dagster's daemon sends a heartbeat every 30 s, and more rarely while it starts or is busy."""


def unanswered(url: str, within_s: float) -> str | None:
    """Why a server is unhealthy, None if it answers; an answer with an HTTP error counts too."""
    try:
        with _answer(url, within_s):
            return None
    except (OSError, HTTPException):
        return f"it did not answer within {within_s:g} s"


class DaemonHeartbeat:
    """Checks that Dagster's daemon is alive by its heartbeats, which its web server reports."""

    QUERY = "{ instance { daemonHealth { allDaemonStatuses { lastHeartbeatTime } } } }"

    def __init__(self, url: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._url, self._clock_s = url, clock_s
        self._newest = 0.0
        self._changed_s = 0.0

    def begin(self) -> None:
        """Start the time that a new daemon has until its first heartbeat."""
        self._changed_s = self._clock_s()

    def problem(self, within_s: float) -> str | None:
        """Why the daemon is unhealthy; by the monotonic clock, as the machine's may jump."""
        try:
            answer = ask_graphql(self._url, self.QUERY, within_s)
            statuses = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
            newest = max((s["lastHeartbeatTime"] or 0.0 for s in statuses), default=0.0)
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            newest = self._newest  # its database may be busy: only a long silence is a problem
        if newest != self._newest:
            self._newest, self._changed_s = newest, self._clock_s()
        silent_s = self._clock_s() - self._changed_s
        if silent_s > SILENT_S:
            return f"its daemon has given no sign of life for {silent_s:.0f} s"
        return None


def ask_graphql(url: str, query: str, within_s: float) -> Any:
    """The answer of Dagster's web server to a query.

    Raises:
        OSError: it does not answer, or with an error.
        HTTPException: it speaks no HTTP.
        ValueError: its answer is no JSON.
    """
    with _answer(url, within_s, json.dumps({"query": query})) as answer:
        if answer.status != 200:
            raise OSError(f"{url} answers with {answer.status}")
        return json.load(answer)


@contextmanager
def _answer(url: str, within_s: float, body: str | None = None) -> Iterator[HTTPResponse]:
    """The answer of a program on this machine.

    Not by urllib, which asks the environment's proxy, and reads all certificates each time: in a
    day, minutes of a processor.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=within_s)
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, parts.path or "/", body, {"Content-Type": "application/json"})
        yield connection.getresponse()
    finally:
        connection.close()
