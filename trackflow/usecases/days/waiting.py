"""What waits to be worked on, day by day, and what cannot be worked on yet. Only reads.

This is the discovery half of automatic work; whoever asks decides what to start.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.breaker import LONGEST_REST_S
from trackflow.context import Context
from trackflow.geo.time import runs_of_days
from trackflow.matching.engines.http import service_name
from trackflow.matching.networks import PROFILES
from trackflow.store.clocks import is_impossible
from trackflow.store.days import batches
from trackflow.store.tables import (
    STAGES,
    breakers,
    devices,
    processing_batches,
    receipts,
    road_networks,
)

PAUSE_AFTER_DEFERRAL = dt.timedelta(minutes=5)
"""A batch that was handed back because the road engine did not answer is left alone this long."""

BRIDGED_DAYS = 7
"""Stretches of pending days with fewer days between them become one: looking at a day on which
nothing waits costs next to nothing, starting a run costs seconds."""

MOST_DAYS = 366
"""Days of one run: an hour's work at most, so that new data never waits for longer; and Dagster
needs 14 ms for each day of each asset before a run of partitions starts."""


@dataclass(slots=True)
class Waiting:
    """Days with batches that can be worked on now.

    Attributes:
        days: in order.
        batches: how many device-days that is.
        watermark: changes whenever more comes in or a batch is tried.
        without_network: profiles that batches wait for, as there is no road network for them.
        segments_only: whether nothing but segments can be done, for want of road networks.
    """

    days: list[dt.date] = field(default_factory=list)
    batches: int = 0
    watermark: str = ""
    without_network: list[str] = field(default_factory=list)
    segments_only: bool = False


def find_waiting(
    context: Context, *, first: dt.date | None = None, last: dt.date | None = None
) -> Waiting:
    """Look for batches that are due; one query, however many there are.

    Args:
        context: the store.
        first: no days before this one.
        last: no days after this one.
    """
    b, now = processing_batches.c, context.clock()
    among = sa.and_(
        sa.true(),
        *([b.day >= first] if first is not None else []),
        *([b.day <= last] if last is not None else []),
    )
    with context.store.read() as connection:
        lacking = _profiles_without_network(connection, context)
        can_match = devices.c.profile.not_in(lacking)
        later = sa.and_(can_match, sa.or_(*(_is_due(context, stage, now) for stage in STAGES[1:])))
        abandoned = batches.is_abandoned(now, context.settings.lease_s)
        # whoever looks after them finds out what there is to do
        due = sa.or_(_is_due(context, STAGES[0], now), later, abandoned)
        rows = connection.execute(
            sa.select(b.day, sa.func.count(), sa.func.max(b.updated_at), sa.func.sum(b.epoch))
            .join(devices, devices.c.device_id == b.device_id)
            .where(among, due)
            .group_by(b.day)
            .order_by(b.day)
        ).all()
        matchable = connection.scalar(
            sa.select(sa.func.count())
            .select_from(processing_batches)
            .join(devices, devices.c.device_id == b.device_id)
            .where(among, due, can_match)
        )
        held_up = connection.scalars(
            sa.select(devices.c.profile)
            .distinct()
            .join(processing_batches, devices.c.device_id == b.device_id)
            .where(among, b.matched_generation < b.generation, devices.c.profile.in_(lacking))
        ).all()
    return Waiting(
        days=[row.day for row in rows],
        batches=sum(row[1] for row in rows),
        watermark=max((f"{row[2].isoformat()}+{row[3]}" for row in rows), default=""),
        without_network=sorted(held_up),
        segments_only=not matchable,
    )


def _profiles_without_network(connection: Connection, context: Context) -> list[str]:
    if not context.matches or context.settings.engine_url:
        return []
    have = sa.select(road_networks.c.profile)
    query = sa.select(devices.c.profile).distinct().where(devices.c.profile.not_in(have))
    return list(connection.scalars(query))


def _is_due(context: Context, stage: str, now: dt.datetime) -> sa.ColumnElement[bool]:
    """As a run has it, but batches that were handed back rest for a while.

    Or until their road engine answers again, or may be tried again, if that is sooner.
    """
    b = processing_batches.c
    handed_back = sa.and_(b.error_message.is_not(None), b.next_try_at.is_(None))
    rested = sa.or_(
        sa.not_(handed_back),
        b.status == "processing",
        b.updated_at <= now - PAUSE_AFTER_DEFERRAL,
        is_impossible(b.updated_at, now, 0.0),
        _engine_is_back(context, now),
    )
    return sa.and_(batches.is_due(stage, now, context.settings.lease_s), rested)


def _engine_is_back(context: Context, now: dt.datetime) -> sa.ColumnElement[bool]:
    """Whether the breaker of a batch's engine has closed since, or is to be tried."""
    if not context.matches or not context.settings.engine_url:
        return sa.false()
    b, k = processing_batches.c, breakers.c
    changed = sa.or_(
        sa.and_(k.open_until.is_(None), k.updated_at > b.updated_at),
        sa.and_(k.open_until > b.updated_at, k.open_until <= now),
        is_impossible(k.open_until, now, LONGEST_REST_S),
    )
    return sa.or_(
        *(
            sa.and_(
                devices.c.profile == profile,
                sa.exists().where(
                    k.service == service_name(context.settings.engine_url, profile), changed
                ),
            )
            for profile in PROFILES
        )
    )


def ranges(days: Sequence[dt.date]) -> list[tuple[dt.date, dt.date]]:
    """Few ranges that hold all the given days, in order."""
    return runs_of_days(days, apart=BRIDGED_DAYS, most=MOST_DAYS)


def has_points(context: Context, day: dt.date) -> bool:
    """Whether any device has a batch on that day."""
    query = sa.select(processing_batches.c.day).where(processing_batches.c.day == day).limit(1)
    with context.store.read() as connection:
        return connection.scalar(query) is not None


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
    indexed by receipt; a batch that was only worked on in that time is among them as well.
    """
    r, b = receipts.c, processing_batches.c
    with context.store.read() as connection:
        newest = upto or connection.scalar(sa.select(sa.func.max(r.received_seq))) or 0
        if newest <= after:
            return Arrivals(after, [])
        since = connection.scalar(
            sa.select(sa.func.min(r.received_at)).where(r.received_seq > after)
        )
        days = connection.scalars(
            sa.select(b.day).distinct().where(b.updated_at >= since).order_by(b.day)
        )
        return Arrivals(newest, list(days))
