"""Taking batches for a stage, and giving them back when something goes wrong."""

import datetime as dt
import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

from trackflow.errors import EngineUnavailableError, StaleClaimError, TrackflowError
from trackflow.pipeline.report import DayReport
from trackflow.pipeline.work import Work
from trackflow.store import batches
from trackflow.store.batches import Claim
from trackflow.store.devices import lock_devices

MESSAGE_CHARS = 300

log = logging.getLogger(__name__)


def claim_days(
    work: Work, device_id: str, days: Sequence[dt.date], stage: str, *, force: bool
) -> list[Claim]:
    """Claim those of a device's days that are free and, unless `force`, have something to do."""
    with work.store.write() as connection:
        lock_devices(connection, [device_id])
        found = [
            batches.claim(
                connection,
                device_id,
                day,
                stage,
                lease_s=work.settings.lease_s,
                now=work.clock(),
                force=force,
            )
            for day in days
        ]
    return [claim for claim in found if claim is not None]


def give_up(work: Work, claims: Sequence[Claim], error: Exception) -> list[DayReport]:
    """Give batches back after an error, with its message for people to read.

    Without a road engine they wait; anything else counts as a failed try of each. Those that
    somebody else has taken over meanwhile are theirs. One device's bad data, or a mistake of
    ours that it brings to light, must not keep the others from being worked on.
    """
    message = _message(error)
    deferred = isinstance(error, EngineUnavailableError)
    reports = []
    with work.store.write() as connection:
        for claim in claims:
            report = DayReport(claim.device_id, claim.day, error=message, deferred=deferred)
            try:
                if deferred:
                    batches.defer(connection, claim, message, work.clock())
                else:
                    batches.fail(connection, claim, message, work.settings.max_tries, work.clock())
            except StaleClaimError as stale:
                report.error, report.deferred = str(stale), True
            reports.append(report)
    return reports


def _message(error: Exception) -> str:
    if isinstance(error, TrackflowError):
        return str(error)
    log.debug("unexpected error", exc_info=error)
    # where it was raised, in place of a traceback
    frame = traceback.extract_tb(error.__traceback__)[-1]
    first_line = (str(error).splitlines() or [""])[0]
    text = f"{type(error).__name__}: {first_line} ({Path(frame.filename).name}:{frame.lineno})"
    return text[:MESSAGE_CHARS]
