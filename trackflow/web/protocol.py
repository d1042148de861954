"""HTTP as uvicorn speaks it, with limits on headers that uvicorn lacks.

Without them a client may send one header byte a minute on each of all connections, and all other
clients wait (the attack is known as Slowloris), or send headers until the memory is full. Where
there are too many connections, all requests would be refused: the one that has been idle for
longest makes room, or, if none is idle, the one whose body has been arriving for longest.
"""

import asyncio
import operator
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from trackflow.web.security.limits import USUAL_LIMITS, RequestLimits


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections whose headers take too long or are too large."""

    limits = USUAL_LIMITS
    _waiting: asyncio.TimerHandle | None = None
    _in_headers = True
    _header_bytes = 0
    _body_since = 0.0

    def connection_made(self, transport: Any) -> None:
        """Start the deadline: an idle connection is closed as well."""
        # each request gets a copy of this mapping, with the shared note of its connection
        self.app_state = {**self.app_state, "connection": {}}
        super().connection_made(transport)
        self._expect_headers()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline when either side has closed the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes before the headers are complete."""
        if self._in_headers:
            self._header_bytes += len(data)
        super().data_received(data)
        # the rest is still headers: a body in the same packet would have ended them
        if self._in_headers and self._header_bytes > self.limits.headers_bytes:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Start the deadline of a request at its first bytes."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """Stop the deadline: from here on the body's own limits hold."""
        self._in_headers, self._body_since = False, self.loop.time()
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Start anew: the next bytes belong to another request."""
        super().on_message_complete()
        self._in_headers, self._header_bytes = True, 0

    def _expect_headers(self) -> None:
        self._stop_waiting()
        self._in_headers, self._header_bytes = True, 0
        self._waiting = self.loop.call_later(self.limits.headers_s, self._give_up)

    def _make_room(self) -> None:
        others = [
            one for one in self.connections if isinstance(one, GuardedProtocol) and one is not self
        ]
        idle = [(one._waiting.when(), one) for one in others if one._waiting is not None]
        sending = [(one._body_since, one) for one in others if not one._in_headers]
        if not idle and not sending:
            return  # uvicorn answers that it is busy
        _, oldest = min(idle or sending, key=operator.itemgetter(0))
        self.connections.discard(oldest)  # at once: its transport closes in a while
        oldest._stop_waiting()
        oldest._give_up()

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


def guarded_by(limits: RequestLimits) -> type[GuardedProtocol]:
    """The protocol with these limits; uvicorn makes one of this class for each connection."""
    return type("LimitedProtocol", (GuardedProtocol,), {"limits": limits})
