"""Asks the geocoder for the addresses that are due: politely, in order, and nothing is lost.

The table `addresses` is the queue. A cell leaves it with its answer, in the transaction that stores
the answer; one that failed comes later again. So the work can be killed at any moment: the next run
goes on with what is left. While the geocoder is down its breaker is open, and the rest of a pass
fails at once ("no address yet"), without a try being used up; a job makes further passes when the
breaker lets calls through again.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.item_results import ItemResult
from trackflow.concurrency.layers import Layer, layer_for
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.retrying import Retry
from trackflow.concurrency.switch import Stop
from trackflow.context import Context
from trackflow.errors import (
    LeftAloneError,
    SourceError,
    StoppedError,
)
from trackflow.store.database import Connection
from trackflow.store.devices.settings import lock_devices
from trackflow.store.mileage import book_days
from trackflow.store.places import addresses
from trackflow.store.places.addresses import AddressRow
from trackflow.store.transactions import write_repeatedly
from trackflow.usecases.places.address_service import (
    AddressService,
    chosen_geocoder,
    opened_service,
)

KEEP_EVERY_S = 1.0
MOST_KEPT = 500
"""Answers are stored this often, or so many at once: a killed process loses no more of them."""

TRY_AGAIN_LAST = dt.timedelta(days=1)
ASK_AGAIN = dt.timedelta(days=30)
"""A position without an address is asked for again: maps grow."""


RETRY = Retry(
    attempts=3, wait_first_s=0.1, wait_most_s=2.0, jitter_s=0.1, name="addresses of stays"
)


@dataclass(frozen=True, slots=True)
class AddressLimits:
    """How patient the work is.

    Attributes:
        retry: of one address, within a pass.
        item_s: all tries of one address, and the waits between them.
        try_again: after a pass in which an address failed; doubled with each, up to a day.
        patience_s: the work ends after this time without an answer; longer than a breaker rests,
            or 0 to ask once.
        between_s: wait of a job before it looks again for addresses that are due.
    """

    retry: Retry = RETRY
    item_s: float = 30.0
    try_again: dt.timedelta = dt.timedelta(minutes=1)
    patience_s: float = 180.0
    between_s: float = 5.0


USUAL = AddressLimits()


@dataclass(slots=True)
class AddressingReport:
    """The result of a run.

    Attributes:
        due: addresses that were due.
        found: positions with an address.
        unknown: positions that have none.
        deferred: results that are to come later: failures, and calls that the breaker refused.
        handed_back: positions that were not asked for, as the work was stopped.
        layer: how this amount of work is done.
        left_alone: whether the breaker refused calls in the last pass.
        failures: the last message of each kind of error, by the name of the kind.
    """

    due: int = 0
    found: int = 0
    unknown: int = 0
    deferred: int = 0
    handed_back: int = 0
    layer: Layer = Layer.DIRECT
    left_alone: bool = False
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """Positions with an answer."""
        return self.found + self.unknown


type Keep = Callable[[Connection, int], None]
"""Notes how many positions have an answer, in the transaction that stores the answers."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who follows the work, and may end it.

    Attributes:
        stop: ends gracefully: calls under way are finished and stored, the rest stays queued.
        keep: called in each transaction that stores answers.
        progress: called often with the number of positions with an answer, and of all that are due.
    """

    stop: Stop | None = None
    keep: Keep = lambda _connection, _answered: None
    progress: Callable[[int, int], None] = lambda _answered, _due: None


def address_all(
    context: Context, watcher: Watcher | None = None, limits: AddressLimits = USUAL
) -> AddressingReport:
    """Ask until no address is due, nor becomes due soon: the work of a job; idempotent.

    Raises:
        SettingsError: addresses are switched off, or the geocoder's settings make no sense.
    """
    report, watcher = AddressingReport(), watcher or Watcher()
    until = Deadline.after(limits.patience_s)
    with opened_service(context) as service:
        while True:
            answered = report.answered
            _pass(context, service, report, watcher, limits)
            if report.answered > answered:
                until = Deadline.after(limits.patience_s)
            if report.handed_back or not _wait(context, watcher, report, until, limits.between_s):
                return report


def _wait(
    context: Context,
    watcher: Watcher,
    report: AddressingReport,
    until: Deadline,
    between_s: float,
) -> bool:
    """Wait for addresses that become due soon; returns whether there are some.

    Args:
        context: the store and the clock.
        watcher: may end the wait.
        report: of the passes so far.
        until: the end of the patience.
        between_s: seconds until it looks again.
    """
    while not until.is_over:
        if watcher.stop is not None and watcher.stop.is_set():
            return False
        now = context.clock()
        with context.store.read() as connection:
            soon = now + dt.timedelta(seconds=until.left_s)
            due, waiting = (addresses.count_due(connection, at) for at in (now, soon))
        if not waiting:
            return False
        # at once only if the breaker let the last pass through
        if due and not report.left_alone:
            return True
        report.left_alone = False
        watcher.progress(report.answered, report.due)
        time.sleep(min(between_s, until.left_s))
    return False


def _pass(
    context: Context,
    service: AddressService,
    report: AddressingReport,
    watcher: Watcher,
    limits: AddressLimits,
) -> None:
    """Ask once for what is due, and store the answers as they come.

    Args:
        context: the store, settings and clock.
        service: the geocoder.
        report: the results are added to it.
        watcher: follows the work.
        limits: how patient it is.
    """
    with context.store.read() as connection:
        rows = addresses.due(connection, context.clock())
    report.due = max(report.due, report.answered + len(rows))
    layer = layer_for(len(rows))
    report.layer = layer_for(report.due)
    processor = Processor(
        workers=1 if layer is Layer.DIRECT else _workers(context, limits),
        name="addresses",
        item_s=limits.item_s,
        retry=limits.retry,
    )
    kept: list[AddressRow] = []
    kept_at = time.monotonic()
    results = processor.run(
        rows,
        service.address_of,
        stop=watcher.stop,
        kill=service.web.switch,
        on_progress=lambda _: watcher.progress(report.answered, report.due),
    )
    for result in results:
        if (row := _settled(result, report, context.clock(), service, limits)) is not None:
            kept.append(row)
        if len(kept) >= MOST_KEPT or time.monotonic() - kept_at >= KEEP_EVERY_S:
            _keep(context, kept, report, watcher)
            kept, kept_at = [], time.monotonic()
    _keep(context, kept, report, watcher)


def _workers(context: Context, limits: AddressLimits) -> int:
    """Threads that ask: each waits for its turn within the time of its address."""
    settings = context.settings
    # the client limits the requests at once; a thread that waits for its next try holds none
    wanted = 2 * settings.geocoder_connections
    in_time = int(settings.geocoder_per_s * limits.item_s / 2)
    return min(wanted, max(in_time, 1))


def _keep(
    context: Context, kept: Sequence[AddressRow], report: AddressingReport, watcher: Watcher
) -> None:
    """Store answers and failures in one transaction; entries of logbooks follow their addresses.

    Args:
        context: the store.
        kept: the rows.
        report: has the progress.
        watcher: notes it.
    """
    if not kept:
        return
    cells = [row.cell for row in kept if row.address is not None]

    def store(connection: Connection) -> None:
        days = addresses.days_of_stays(connection, cells)
        # else a book that is made meanwhile, without them, would be noted as made with them
        lock_devices(connection, days)
        addresses.keep(connection, kept)
        book_days.forget_some_days(connection, days)
        watcher.keep(connection, report.answered)

    write_repeatedly(context.store, store)


def _settled(
    result: ItemResult[AddressRow, str | None],
    report: AddressingReport,
    now: dt.datetime,
    service: AddressService,
    limits: AddressLimits,
) -> AddressRow | None:
    """The row after a result; None if it stays as it is.

    Args:
        result: of one address.
        report: the result is counted in it.
        now: the time, UTC.
        service: the geocoder.
        limits: when to try again.
    """
    row, error = result.item._replace(geocoder=service.geocoder.name), result.error
    if error is None:
        found = result.value
        report.found += found is not None
        report.unknown += found is None
        again = None if found is not None else now + ASK_AGAIN
        return row._replace(address=found, found_at=now, tries=0, next_try_at=again)
    if isinstance(error, StoppedError):
        report.handed_back += 1
        return None
    if not isinstance(error, SourceError | TooLateError):
        raise error
    report.deferred += 1
    report.failures[type(error).__name__] = str(error)[:300]
    if isinstance(error, LeftAloneError):
        report.left_alone = True
        return None
    wait = min(limits.try_again * 2.0 ** min(row.tries, 16), TRY_AGAIN_LAST)
    return row._replace(tries=row.tries + 1, next_try_at=now + wait)


def queue_length(context: Context) -> int:
    """How many addresses are to be asked for, now or later."""
    with context.store.read() as connection:
        return addresses.count_due(connection, None)


def want_all(context: Context) -> int:
    """Queue the addresses of all stays that have none from this geocoder; returns how many.

    Raises:
        SettingsError: addresses are switched off.
    """
    geocoder = chosen_geocoder(context)
    with context.store.write() as connection:
        new = addresses.want_stays(connection, geocoder.name, context.clock())
        return new + addresses.want_again(connection, geocoder.name, context.clock())
