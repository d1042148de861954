"""Looks for alerts while the API runs: Dagster's daemon could not tell that it is down."""

import logging
import threading

from trackflow.context import Context
from trackflow.errors import RetryableError, StoreUnavailableError
from trackflow.usecases.housekeeping.alerts.outages import OutageTeller
from trackflow.usecases.housekeeping.alerts.watching import Send, watch

WATCH_S = 60.0

LOOK_S = 120.0
"""A look that takes longer waits for a database that does not answer."""

CLOSE_S = 5.0
"""How long the end of the process waits for a look that is under way."""

log = logging.getLogger(__name__)


class Watch:
    """A thread that looks for alerts once a minute, and tells people.

    Each look has a thread of its own: one that the database never answers is told about.
    """

    def __init__(
        self,
        context: Context,
        every_s: float = WATCH_S,
        look_s: float = LOOK_S,
        send: Send | None = None,
    ) -> None:
        """A watch.

        Args:
            context: the store and settings.
            every_s: between two looks.
            look_s: how long one may take.
            send: sends a message; by Apprise by default.
        """
        self._context, self._every_s, self._look_s, self._send = context, every_s, look_s, send
        self._outages = OutageTeller(context, send)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._look = threading.Thread()
        self._error: StoreUnavailableError | None = None

    def start(self) -> None:
        """Start looking; the first look is after a minute, when a restart is over."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking, after the look that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            if not self._look.is_alive():
                self._look = threading.Thread(target=self._look_once, name="look", daemon=True)
                self._look.start()
            self._look.join(self._look_s)
            if self._look.is_alive():
                self._error = StoreUnavailableError("the database gives no answer")
            self._outages.note(self._error)

    def _look_once(self) -> None:
        error = None
        try:
            watch(self._context, self._send)
        except RetryableError as found:
            log.warning("no look for alerts: %s", found)
            error = found if isinstance(found, StoreUnavailableError) else None
        self._error = error
