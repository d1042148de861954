"""Notes when lines were last read, without a write for every read.

Readers only note in memory which days they have read; a thread writes the notes once a minute at
most. Days read within the last day are not written again. A crash loses a minute of notes, which
does no harm: they serve to find lines that were not read for weeks.
"""

import datetime as dt
import threading
from collections.abc import Iterable

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.usecases.queries.lines import TimeRange, note_read

FLUSH_S = 60.0
FRESH = dt.timedelta(days=1)
"""A note younger than this is not renewed: PostgreSQL writes the whole row anew for each."""


class ReadLog:
    """Collects the days and devices whose lines were read."""

    def __init__(self, context: Context, flush_s: float = FLUSH_S) -> None:
        self._context = context
        self._flush_s = flush_s
        self._lock = threading.Lock()
        self._read: dict[str, tuple[dt.date, dt.date]] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, device_ids: Iterable[str], when: TimeRange) -> None:
        """Note that devices' lines of this time were read."""
        first, last = when.start.date(), when.end.date()
        with self._lock:
            for device_id in device_ids:
                known = self._read.get(device_id, (first, last))
                self._read[device_id] = (min(known[0], first), max(known[1], last))

    def flush(self) -> int:
        """Write the notes to the store; returns the number of lines with a new time."""
        with self._lock:
            read, self._read = self._read, {}
        if not read:
            return 0
        return note_read(self._context, read, FRESH)

    def start(self) -> None:
        """Start the thread that writes the notes."""
        self._thread = threading.Thread(target=self._run, name="accessed", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and write the last notes."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._flush_if_possible()

    def _run(self) -> None:
        while not self._stop.wait(self._flush_s):
            self._flush_if_possible()

    def _flush_if_possible(self) -> None:
        try:
            self.flush()
        except StoreUnavailableError:
            return  # these notes are lost, which does no harm
