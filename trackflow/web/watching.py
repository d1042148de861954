"""Looks for alerts while the API runs: Dagster's daemon could not tell that it is down."""

import logging
import threading

from trackflow.context import Context
from trackflow.errors import RetryableError
from trackflow.usecases.housekeeping.alerts.watching import watch

WATCH_S = 60.0

log = logging.getLogger(__name__)


class Watch:
    """A thread that looks for alerts once a minute, and tells people."""

    def __init__(self, context: Context, every_s: float = WATCH_S) -> None:
        self._context, self._every_s = context, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Start looking; the first look is after a minute, when a restart is over."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking, after the look that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                watch(self._context)
            except RetryableError as error:
                log.warning("no look for alerts: %s", error)
