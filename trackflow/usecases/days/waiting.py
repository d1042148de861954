"""Pending batches, day by day, and those that cannot be processed yet. Only reads.

This is the discovery half of automatic work; the caller decides what to start.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.geo.time import runs_of_days
from trackflow.matching.networks import PROFILES
from trackflow.store.days import arrivals, day_sums
from trackflow.store.days.due_batches import Conditions, read_due

PAUSE_AFTER_DEFERRAL = dt.timedelta(minutes=5)
"""A batch that was handed back because the road engine did not answer waits this long."""

BRIDGED_DAYS = 7
"""Stretches of pending days with fewer days between them become one: a day without pending batches
costs next to nothing, starting a run costs seconds."""

MOST_DAYS = 366
"""Days of one run: an hour's work at most, so that new data never waits for longer; and Dagster
needs 14 ms for each day of each asset before a run of partitions starts."""


def first_live_day(now: dt.datetime) -> dt.date:
    """Yesterday: points on the way at midnight arrive after it."""
    return now.date() - dt.timedelta(days=1)


@dataclass(slots=True)
class WaitingDays:
    """Days with batches that can be processed now.

    Attributes:
        days: in order.
        batches: number of their pending device-days.
        watermark: changes whenever points arrive or a batch is tried.
        without_network: profiles that batches wait for, as there is no road network for them.
        segments_only: whether only segments can be made, for want of road networks.
    """

    days: list[dt.date] = field(default_factory=list)
    batches: int = 0
    watermark: str = ""
    without_network: list[str] = field(default_factory=list)
    segments_only: bool = False


def find_waiting(
    context: Context, *, first: dt.date | None = None, last: dt.date | None = None
) -> WaitingDays:
    """Find batches that are due, in one query.

    Args:
        context: the store.
        first: no days before this one.
        last: no days after this one.
    """
    server = context.settings.engine_url if context.matches else ""
    conditions = Conditions(
        now=context.clock(),
        lease_s=context.settings.lease_s,
        pause=PAUSE_AFTER_DEFERRAL,
        needs_network=context.matches and not server,
        services=_services(server) if server else {},
    )
    with context.store.read() as connection:
        due = read_due(connection, conditions, first, last)
    return WaitingDays(
        days=[found.day for found in due.days],
        batches=sum(found.batches for found in due.days),
        watermark=max((f"{d.updated_at.isoformat()}+{d.epochs}" for d in due.days), default=""),
        without_network=sorted(due.missing_profiles),
        segments_only=not due.matchable,
    )


def _services(server: str) -> dict[str, str]:
    """The names of an OSRM server's breakers, by profile."""
    # its HTTP client takes longer to load than `trackflow status` takes without a server
    from trackflow.matching.engines.http import service_name

    return {profile: service_name(server, profile) for profile in PROFILES}


def ranges(days: Sequence[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Few ranges that hold all the given days, in order."""
    return runs_of_days(days, apart=BRIDGED_DAYS, most=MOST_DAYS)


def has_points(context: Context, day: dt.date) -> bool:
    """Whether any device has a batch on that day."""
    with context.store.read() as connection:
        return day_sums.has_batch(connection, day)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Days that got points in deliveries after some receipt.

    Attributes:
        upto: the newest receipt that is covered.
        days: in order.
    """

    upto: int
    days: list[dt.date]


def find_arrivals(context: Context, after: int, upto: int | None = None) -> Arrivals:
    """The days that deliveries after receipt `after` have touched, up to and including `upto`.

    Found by the batches that changed since the first of those deliveries, as points are not
    indexed by receipt; a batch that was only processed in that time is among them as well.

    A store whose receipts end before `after` was restored from an older backup: all its days are.
    """
    with context.store.read() as connection:
        last = arrivals.newest_receipt(connection)
        newest, after = (upto or last, after) if last >= after else (last, 0)
        if newest <= after:
            return Arrivals(after, [])
        return Arrivals(newest, arrivals.days_since_receipt(connection, after))
