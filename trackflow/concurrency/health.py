"""Asking programs on this machine from outside how they are."""

import json
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

HEARTBEAT_LIMIT_S = 300.0
"""Dagster's daemon gives a sign every 30 s, and more rarely while it starts or is busy."""


def unanswered(url: str, within_s: float) -> str | None:
    """What is wrong with a server that should answer here; any answer is one."""
    try:
        with _opener().open(url, timeout=within_s):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return None
    except (OSError, HTTPException):
        return f"it did not answer within {within_s:g} s"


class DaemonHeartbeat:
    """Whether Dagster's daemon goes on: its heartbeats, as its web server tells them."""

    QUERY = "{ instance { daemonHealth { allDaemonStatuses { lastHeartbeatTime } } } }"

    def __init__(self, url: str) -> None:
        self._url = url
        self._newest = 0.0
        self._changed_s = 0.0

    def begin(self) -> None:
        """A daemon starts, and has some time until its first heartbeat."""
        self._changed_s = time.monotonic()

    def problem(self, within_s: float) -> str | None:
        """What is wrong with the daemon; by our clock, as the machine's may jump."""
        try:
            told = ask_graphql(self._url, self.QUERY, within_s)
            statuses = told["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
            newest = max((s["lastHeartbeatTime"] or 0.0 for s in statuses), default=0.0)
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            newest = self._newest  # its database may be busy; only a long silence means something
        if newest != self._newest:
            self._newest, self._changed_s = newest, time.monotonic()
        silent_s = time.monotonic() - self._changed_s
        if silent_s > HEARTBEAT_LIMIT_S:
            return f"its daemon has given no sign of life for {silent_s:.0f} s"
        return None


def ask_graphql(url: str, query: str, within_s: float) -> Any:
    """The answer of Dagster's web server to a query."""
    request = urllib.request.Request(  # noqa: S310  our own web server
        url, json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with _opener().open(request, timeout=within_s) as answer:
        return json.load(answer)


def _opener() -> urllib.request.OpenerDirector:
    """Without a proxy, whatever the environment says: it is this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
