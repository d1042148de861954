"""Batches that automatic runs can process now, by day, and what the others wait for."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.breaker import LONGEST_REST_S
from trackflow.store.clocks import is_impossible
from trackflow.store.days import batch_conditions
from trackflow.store.days.batch_conditions import done_at, input_of
from trackflow.store.days.queries import of_days
from trackflow.store.service_tables import breakers
from trackflow.store.tables import STAGES, devices, processing_batches, road_networks

b = processing_batches.c

MATCHED = STAGES[1]


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions under which a batch is due.

    Attributes:
        now: the time, UTC.
        lease_s: the longest lease in seconds.
        pause: how long a batch rests that was deferred as the road engine did not answer.
        needs_network: whether lines are matched on road networks of the store.
        services: names of the road engine's services by profile; empty without a server.
    """

    now: dt.datetime
    lease_s: float
    pause: dt.timedelta
    needs_network: bool
    services: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DueDay:
    """A day with due batches: their number, their newest change, and the sum of their epochs."""

    day: dt.date
    batches: int
    updated_at: dt.datetime
    epochs: int


@dataclass(frozen=True, slots=True)
class DueBatches:
    """The batches that are due now.

    Attributes:
        days: in order.
        matchable: how many of the batches can be matched.
        missing_profiles: profiles without a road network that batches wait for.
    """

    days: list[DueDay]
    matchable: int
    missing_profiles: Sequence[str]


def read_due(
    connection: Connection,
    conditions: Conditions,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> DueBatches:
    """Batches that are due.

    Args:
        connection: to the store.
        conditions: when a batch is due.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    among = sa.and_(
        sa.true(),
        *([b.day >= first] if first is not None else []),
        *([b.day <= last] if last is not None else []),
    )
    lacking = _profiles_without_network(connection) if conditions.needs_network else []
    can_match = devices.c.profile.not_in(lacking)
    later = sa.and_(can_match, sa.or_(*(_is_due(conditions, stage) for stage in STAGES[1:])))
    abandoned = batch_conditions.is_abandoned(conditions.now, conditions.lease_s)
    # the stage does not matter: the worker that takes over an abandoned batch finds it out
    due = sa.or_(_is_due(conditions, STAGES[0]), later, abandoned)
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
    missing_profiles = connection.scalars(
        sa.select(devices.c.profile)
        .distinct()
        .join(processing_batches, devices.c.device_id == b.device_id)
        .where(among, b.matched_generation < b.generation, devices.c.profile.in_(lacking))
    ).all()
    return DueBatches([DueDay(*row) for row in rows], matchable or 0, missing_profiles)


def known_to_lack_network(
    connection: Connection, first: dt.date | None = None, last: dt.date | None = None
) -> dict[tuple[str, dt.date], str]:
    """Batches that were given back for want of a road network, which is still missing: the reasons.

    Args:
        connection: to the store.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    lacking = _profiles_without_network(connection)
    if not lacking:
        return {}
    query = (
        sa.select(b.device_id, b.day, b.error_message)
        .join(devices, devices.c.device_id == b.device_id)
        .where(
            devices.c.profile.in_(lacking),
            done_at(MATCHED) < input_of(MATCHED),
            _is_deferred(),
            *of_days(b.day, first, last),
        )
    )
    return {(row.device_id, row.day): row.error_message for row in connection.execute(query)}


def _is_deferred() -> sa.ColumnElement[bool]:
    return sa.and_(b.error_message.is_not(None), b.next_try_at.is_(None))


def _profiles_without_network(connection: Connection) -> list[str]:
    have = sa.select(road_networks.c.profile)
    query = sa.select(devices.c.profile).distinct().where(devices.c.profile.not_in(have))
    return list(connection.scalars(query))


def _is_due(conditions: Conditions, stage: str) -> sa.ColumnElement[bool]:
    """As `batch_conditions.is_due`, but a deferred batch rests for a while.

    The rest ends early when the batch's road engine answers again, or may get a probe.
    """
    now = conditions.now
    rested = sa.or_(
        sa.not_(_is_deferred()),
        b.status == "processing",
        b.updated_at <= now - conditions.pause,
        is_impossible(b.updated_at, now, 0.0),
        _engine_is_back(conditions),
    )
    return sa.and_(batch_conditions.is_due(stage, now, conditions.lease_s), rested)


def _engine_is_back(conditions: Conditions) -> sa.ColumnElement[bool]:
    """The condition that the breaker of a batch's engine has closed since, or may get a probe."""
    k, now = breakers.c, conditions.now
    changed = sa.or_(
        sa.and_(k.open_until.is_(None), k.updated_at > b.updated_at),
        sa.and_(k.open_until > b.updated_at, k.open_until <= now),
        is_impossible(k.open_until, now, LONGEST_REST_S),
    )
    return sa.or_(
        sa.false(),
        *(
            sa.and_(devices.c.profile == profile, sa.exists().where(k.service == service, changed))
            for profile, service in conditions.services.items()
        ),
    )
