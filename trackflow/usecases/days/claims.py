"""Claims batches for a stage, renews their leases, and gives them back."""

import datetime as dt
import logging
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.retrying import Retry
from trackflow.context import Context
from trackflow.errors import (
    EngineUnavailableError,
    NoNetworkError,
    StaleClaimError,
    StoreRefusesError,
    StoreUnavailableError,
    TrackflowError,
)
from trackflow.store.database import Connection
from trackflow.store.days import batches
from trackflow.store.days.batches import Claim
from trackflow.store.devices.settings import lock_devices
from trackflow.store.transactions import write_repeatedly
from trackflow.usecases.days.report import DayReport

MESSAGE_CHARS = 300

OUTAGE_S = 30.0
OUTAGE_RETRY = Retry(
    attempts=30,
    wait_first_s=0.2,
    wait_most_s=5.0,
    jitter_s=0.2,
    only=StoreUnavailableError,
    name="handing back days",
)
"""Seconds for which a worker whose database went away tries to hand back its claims. A restart
takes seconds; without this its batches would wait for their lease to end."""

log = logging.getLogger(__name__)


def claim_days(
    context: Context, device_id: str, days: Sequence[dt.date], stage: str, *, force: bool
) -> list[Claim]:
    """Claim those of a device's days that are free and, unless `force`, pending.

    Args:
        context: the store and settings.
        device_id: the device.
        days: its days to claim.
        stage: the stage that claims, such as "segmented".
        force: claim completed days as well.
    """
    return claim_batches(context, [(device_id, day) for day in days], stage, force=force)


def claim_batches(
    context: Context, wanted: Sequence[tuple[str, dt.date]], stage: str, *, force: bool
) -> list[Claim]:
    """As `claim_days`, for days of any devices; the claims are in order of device and day.

    Args:
        context: the store and settings.
        wanted: devices and days to claim.
        stage: the stage that claims, such as "segmented".
        force: claim completed days as well.
    """
    ids = sorted({device_id for device_id, _ in wanted})
    lease_s = context.settings.lease_s
    with context.store.write() as connection:
        lock_devices(connection, ids)
        now = context.clock()
        # batches of dead workers count as tried before they are claimed again
        abandoned = batches.with_abandoned(connection, now, lease_s=lease_s)
        for device_id in sorted({*ids} & {*abandoned}):
            batches.free_abandoned(
                connection, device_id, context.settings.max_tries, now, lease_s=lease_s
            )
        return batches.claim_many(
            connection, wanted, stage, lease_s=lease_s, now=context.clock(), force=force
        )


class ClaimKeeper:
    """Claims of a worker that is alive: each sign of life keeps them for another lease.

    No thread gives signs of life: a worker that hangs must lose its batches.
    """

    def __init__(self, context: Context, claims: Sequence[Claim]) -> None:
        self.context = context
        self.claims = list(claims)
        self.renewed_at = time.monotonic()

    def drop(self, claim: Claim) -> None:
        """Drop a finished claim; the others stay claimed."""
        self.claims.remove(claim)

    def renew(self) -> None:
        """Give a sign of life; it is written a few times per lease.

        Raises:
            StaleClaimError: a claim was taken over, because the last sign is too long ago.
        """
        if time.monotonic() - self.renewed_at < self.context.settings.lease_s / 4:
            return
        stale: StaleClaimError | None = None
        for claim in self.claims:
            # one at a time: several rows in one transaction would need the device's lock
            try:
                with self.context.store.write() as connection:
                    batches.extend(
                        connection, claim, self.context.settings.lease_s, self.context.clock()
                    )
            except StaleClaimError as error:  # the others stay claimed
                stale = error
        self.renewed_at = time.monotonic()
        if stale is not None:
            raise stale


def hand_back(
    context: Context, claims: Sequence[Claim], error: StoreUnavailableError
) -> list[DayReport]:
    """Give batches back, untried, when the database is there again after an outage.

    After an outage that has passed they are claimed again at once. One that answers, but ends
    statements or takes no writes, would do the same again: then they rest for a while.

    Raises:
        StoreUnavailableError: the database is not back after `OUTAGE_S`; the leases will end.
    """
    passed = not isinstance(error, StoreRefusesError)

    def defer(connection: Connection) -> None:
        lock_devices(connection, [claim.device_id for claim in claims])
        for claim in claims:
            with suppress(StaleClaimError):  # it was published, or is another worker's now
                batches.defer(connection, claim, str(error), context.clock(), at_once=passed)

    write_repeatedly(context.store, defer, Deadline.after(OUTAGE_S), OUTAGE_RETRY)
    return [
        DayReport(claim.device_id, claim.day, error=str(error), deferred=True) for claim in claims
    ]


def give_up(context: Context, claims: Sequence[Claim], error: Exception) -> list[DayReport]:
    """Give batches back after an error, with its message for people to read.

    Without a road engine they wait; anything else counts as a failed try of each. Batches that
    another worker has taken over meanwhile stay with that worker. One device's bad data, or a
    mistake of ours that it reveals, must not stop the other devices.
    """
    message = message_of(error)
    deferred = isinstance(error, EngineUnavailableError)
    reports = []
    with context.store.write() as connection:
        lock_devices(connection, [claim.device_id for claim in claims])
        for claim in claims:
            report = DayReport(
                claim.device_id,
                claim.day,
                error=message,
                deferred=deferred,
                lacks_network=isinstance(error, NoNetworkError),
            )
            try:
                if deferred:
                    batches.defer(connection, claim, message, context.clock())
                else:
                    batches.fail(
                        connection, claim, message, context.settings.max_tries, context.clock()
                    )
            except StaleClaimError as stale:
                report.error, report.deferred = str(stale), True
            reports.append(report)
    return reports


def message_of(error: Exception) -> str:
    """One line for people; for an unexpected error with the line of code that raised it."""
    if isinstance(error, TrackflowError):
        return str(error)
    log.debug("unexpected error", exc_info=error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    first_line = (str(error).splitlines() or [""])[0]
    text = f"{type(error).__name__}: {first_line} ({Path(frame.filename).name}:{frame.lineno})"
    return text[:MESSAGE_CHARS]
