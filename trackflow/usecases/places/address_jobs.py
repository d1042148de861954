"""The job "address_stays": addresses of thousands of stays, watched, cancelled and resumed."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trackflow.context import Context
from trackflow.store.database import Connection
from trackflow.store.jobs import jobs
from trackflow.store.places import addresses
from trackflow.usecases.days.report import counted
from trackflow.usecases.housekeeping.kill_switches import switch_of
from trackflow.usecases.jobs.progress import ClaimedJob
from trackflow.usecases.places.addresses import address_geocoder
from trackflow.usecases.places.addressing import (
    USUAL,
    AddressingReport,
    AddressLimits,
    Watcher,
    address_all,
    want_all,
)

KIND = "address_stays"

ASKING = "asking the geocoder"
"""The message of the one job that does."""


@dataclass(frozen=True, slots=True)
class _Cancel:
    """Is set once a person has cancelled the job; its heartbeats read that."""

    claimed: ClaimedJob

    def is_set(self) -> bool:
        return self.claimed.job.cancel_requested


def queue_if_due(context: Context) -> bool:
    """Queue a job if addresses are due and none waits or runs; returns whether it did.

    A service runs it; without one, `trackflow places address` does the work.
    """
    geocoder = address_geocoder(context)
    if geocoder is None:
        return False
    now = context.clock()
    with context.store.read() as connection:
        if not addresses.count_due(connection, now) or jobs.active(connection, KIND):
            return False
    if switch_of(context, geocoder.site).is_set():
        return False  # the job would end at once, and the next pass would queue another
    with context.store.write() as connection:
        jobs.lock_kind(connection, KIND)
        if jobs.active(connection, KIND):
            return False
        jobs.create(connection, KIND, {}, now)
    return True


def check(context: Context, _: Mapping[str, Any]) -> dict[str, Any]:
    """The job has no parameters.

    Raises:
        SettingsError: the geocoder's address makes no sense.
    """
    address_geocoder(context)
    return {}


def run(context: Context, claimed: ClaimedJob, limits: AddressLimits = USUAL) -> dict[str, Any]:
    """Ask for the addresses of all stays that have none, unless another job does that already.

    Two would ask for everything twice, and twice as fast as the geocoder allows.

    Args:
        context: the store, settings and clock.
        claimed: the job; one that was killed goes on with what is left in the queue.
        limits: how patient it is.

    Raises:
        SettingsError: addresses are switched off.
        CancelledError: a person has cancelled the job; what is answered is stored.
        StaleClaimError: another worker has taken the job over.
    """
    want_all(context)
    if (other := _begin(context, claimed)) is not None:
        return asdict(AddressingReport()) | {"left_to": str(other)}
    before = claimed.job.completed

    def keep(connection: Connection, answered: int) -> None:
        claimed.advance(connection, before + answered)

    def progress(answered: int, due: int) -> None:
        if claimed.job.total != before + due:
            with context.store.write() as connection:
                claimed.advance(connection, before + answered, total=before + due)
        claimed.beat(before + answered)

    report = address_all(context, Watcher(_Cancel(claimed), keep, progress), limits)
    claimed.stop_if_cancelled()
    return asdict(report)


def _begin(context: Context, claimed: ClaimedJob) -> uuid.UUID | None:
    """Note that this job asks; if another one does, its id."""
    now = context.clock()
    with context.store.write() as connection:
        jobs.lock_kind(connection, KIND)
        for job in jobs.active(connection, KIND):
            is_other = job.job_id != claimed.job.job_id
            if is_other and job.message == ASKING and jobs.is_alive(job, now):
                return job.job_id
        claimed.advance(connection, claimed.job.completed, message=ASKING)
    return None


def summary(result: Mapping[str, Any]) -> str:
    """The result in words, for people."""
    if result.get("left_to"):
        return f"left to the job {result['left_to']}, which asks for the same addresses"
    parts = [f"{counted(result['found'], 'address', 'addresses')} found"]
    if result["unknown"]:
        parts.append(f"{result['unknown']:,} positions without one")
    if result["deferred"]:
        parts.append(f"{result['deferred']:,} times without an answer, asked again later")
    return ", ".join(parts)
