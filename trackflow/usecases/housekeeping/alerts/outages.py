"""Tells people that the database is away, and that it is back: alerts are noted in it otherwise.

What was told stands in a file of the home, held by one process at a time: of several on a machine
one tells, and one that is started meanwhile knows. Where the home takes no file (its disk is full),
each process keeps it to itself, and tells by itself: better twice than never.
"""

import datetime as dt
import fcntl
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from trackflow.concurrency.faults import Fault, fault_of
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.store.housekeeping.alerts import CLEAR_FOR, TOLD_AGAIN_AFTER, StoredAlert
from trackflow.usecases.housekeeping.alerts.watching import (
    DATABASE,
    SENDING_S,
    Send,
    by_apprise,
    channel_of,
    text_of,
)

FILE = "database-outage.json"

MOST_BYTES = 1 << 20
"""Of the file; a channel takes a hundred."""

TOLD_AFTER = dt.timedelta(seconds=45)
"""A look is made once a minute: the second one that finds it tells. A restart is over by then."""


@dataclass(slots=True)
class Outage:
    """What is known of an outage of the database.

    Attributes:
        since: when it was first seen, UTC.
        message: what is wrong, as anybody may read it.
        clear_since: since when the database answers again; None while it does not.
        told: when each channel that knows of it heard so last.
    """

    since: dt.datetime
    message: str
    clear_since: dt.datetime | None = None
    told: dict[str, dt.datetime] = field(default_factory=dict)


class OutageTeller:
    """Tells of outages of one store's database.

    Args:
        context: the settings and the clock; its store is not asked.
        send: sends a message; by Apprise by default.
    """

    def __init__(self, context: Context, send: Send | None = None) -> None:
        self._context = context
        settings = context.settings
        self._channels = {
            channel_of(url): (n, url) for n, url in enumerate(settings.notify_urls, 1)
        }
        self._send = send or by_apprise(SENDING_S / max(len(self._channels), 1))
        self._kept: Outage | None = None

    def note(self, error: StoreUnavailableError | None) -> None:
        """Note what a look has met, and tell what is due.

        Args:
            error: why the look came to nothing; None if it came to its end.
        """
        if not self._channels or DATABASE in self._context.settings.alerts_off:
            return
        path = self._context.settings.home / FILE
        if error is None and self._kept is None and not path.exists():
            return
        with _held(path) as (is_ours, file):
            if is_ours:
                known = self._kept or (None if file is None else _read(file))
                outage = self._after(known, error)
                is_written = file is not None and _write(file, path, outage)
                self._kept = None if is_written else outage

    def _after(self, outage: Outage | None, error: StoreUnavailableError | None) -> Outage | None:
        """The outage after a look, of which all that is due has been told."""
        now = self._context.clock()
        if error is not None:
            if not _is_outage(error):
                return outage
            outage = outage or Outage(now, error.outward)
            outage.since = min(outage.since, now)  # the clock may have been set back
            outage.message, outage.clear_since = error.outward, None
            if now - outage.since >= TOLD_AFTER:
                self._tell_begin(outage, now)
            return outage
        if outage is None or not outage.told:
            return None
        outage.clear_since = min(outage.clear_since or now, now)
        if now - outage.clear_since >= CLEAR_FOR:
            self._tell_end(outage, outage.clear_since)
            if not outage.told or now - outage.clear_since >= TOLD_AGAIN_AFTER:
                return None
        return outage

    def _tell_begin(self, outage: Outage, now: dt.datetime) -> None:
        for channel in self._channels:
            heard_at = outage.told.get(channel)
            is_due = heard_at is None or not now - TOLD_AGAIN_AFTER < heard_at <= now
            if is_due and self._tell(channel, outage, None):
                outage.told[channel] = now

    def _tell_end(self, outage: Outage, ended_at: dt.datetime) -> None:
        for channel in [*outage.told]:
            if channel not in self._channels or self._tell(channel, outage, ended_at):
                del outage.told[channel]

    def _tell(self, channel: str, outage: Outage, ended_at: dt.datetime | None) -> bool:
        alert = StoredAlert(DATABASE, "", outage.message, outage.since, ended_at)
        title, body, message = text_of([alert], self._context.settings.public_url)
        return self._send(*self._channels[channel], title, body, message)


def _is_outage(error: StoreUnavailableError) -> bool:
    """Whether the database is in trouble, and not merely busy with something else."""
    cause = error.__cause__
    return cause is None or fault_of(cause) not in (None, Fault.BUSY, Fault.ENDED)


@contextmanager
def _held(path: Path) -> Iterator[tuple[bool, io.FileIO | None]]:
    """Hold the file: whether no other process does, and the file; None if none can be made."""
    try:
        file = io.FileIO(path, "a+")
    except OSError:
        yield True, None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False, None
            return
        yield True, file


def _read(file: io.FileIO) -> Outage | None:
    file.seek(0)
    try:
        found = json.loads(file.read(MOST_BYTES))
        times = {name: dt.datetime.fromisoformat(at) for name, at in found["told"].items()}
        clear_since = found["clear_since"] and dt.datetime.fromisoformat(found["clear_since"])
        since = dt.datetime.fromisoformat(found["since"])
        return Outage(since, found["message"], clear_since, times)
    except (ValueError, KeyError, TypeError, AttributeError):  # new, or not written to its end
        return None


def _write(file: io.FileIO, path: Path, outage: Outage | None) -> bool:
    """Write what is known, or delete the file if that is nothing; whether there was room for it."""
    try:
        file.truncate(0)  # who has opened the file before it is deleted finds nothing in it
        if outage is None:
            path.unlink(missing_ok=True)
            return True
        content = json.dumps(asdict(outage), default=dt.datetime.isoformat).encode()
        return file.write(content) == len(content)
    except OSError:
        return False
