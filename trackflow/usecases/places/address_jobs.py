"""The job "address_stays": addresses of thousands of stays, watched, cancelled and resumed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trackflow.context import Context
from trackflow.store.database import Connection
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import JobStatus
from trackflow.store.places import addresses
from trackflow.usecases.days.report import counted
from trackflow.usecases.jobs.progress import ClaimedJob
from trackflow.usecases.places.addresses import address_geocoder
from trackflow.usecases.places.addressing import (
    USUAL,
    AddressLimits,
    Watcher,
    address_all,
    want_all,
)

KIND = "address_stays"


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
    if address_geocoder(context) is None:
        return False
    now = context.clock()
    with context.store.read() as connection:
        if not addresses.count_due(connection, now):
            return False
    with context.store.write() as connection:
        active = (JobStatus.QUEUED, JobStatus.RUNNING)
        if any(job.kind == KIND and job.status in active for job in jobs.recent(connection)):
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
    """Ask for the addresses of all stays that have none.

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


def summary(result: Mapping[str, Any]) -> str:
    """The result in words, for people."""
    parts = [f"{counted(result['found'], 'address', 'addresses')} found"]
    if result["unknown"]:
        parts.append(f"{result['unknown']:,} positions without one")
    if result["deferred"]:
        parts.append(f"{result['deferred']:,} times without an answer, asked again later")
    return ", ".join(parts)
