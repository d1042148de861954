"""Reads the figures of services and pools that all processes have written."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.pools import PoolFigures
from trackflow.store.clocks import database_now
from trackflow.store.housekeeping import counters
from trackflow.store.service_limits import RETRIED
from trackflow.store.service_tables import live_pools, service_leases, service_limits

limits, leases, pools = service_limits.c, service_leases.c, live_pools.c


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """The use of a service by all processes.

    Attributes:
        connections: that all processes may have at once; None for no limit.
        granted: connections that processes hold.
        in_use: requests under way.
        waiting: threads that wait for a connection.
        processes: that use the service now.
        rest_s: seconds for which the service asked for a rest.
        requests: that have ended.
        timeouts: those of them that took longer than they may.
        broken: those of them whose connection failed.
    """

    connections: int | None
    granted: int
    in_use: int
    waiting: int
    processes: int
    rest_s: float
    requests: int
    timeouts: int
    broken: int


def read_services(connection: Connection) -> dict[str, ServiceFigures]:
    """The figures of all services, by name; requests under way are some seconds old."""
    now = database_now(connection)
    live = sa.and_(leases.service == limits.service, leases.lease_until >= now)
    rows = connection.execute(
        sa.select(
            service_limits,
            *(
                sa.func.coalesce(sa.func.sum(column), 0).label(column.name)
                for column in (leases.granted, leases.in_use, leases.waiting)
            ),
            sa.func.count(leases.process_id).label("processes"),
        )
        .select_from(service_limits.outerjoin(service_leases, live))
        .group_by(*limits)
        .order_by(limits.service)
    )
    return {
        row.service: ServiceFigures(
            row.connections,
            row.granted,
            row.in_use,
            row.waiting,
            row.processes,
            _left_s(row.rest_until, now),
            row.requests,
            row.timeouts,
            row.broken,
        )
        for row in rows
    }


def read_pools(connection: Connection) -> Mapping[str, PoolFigures]:
    """The figures of the pools at work in all processes, by name; some seconds old."""
    rows = connection.execute(
        sa.select(
            pools.pool,
            *(
                sa.func.sum(column).label(column.name)
                for column in (pools.threads, pools.running, pools.waiting, pools.given_up)
            ),
        )
        .where(pools.lease_until >= database_now(connection))
        .group_by(pools.pool)
    )
    return {
        row.pool: PoolFigures(row.threads, row.running, row.waiting, row.given_up) for row in rows
    }


def read_retries(connection: Connection) -> dict[str, int]:
    """How often work was tried again, by its name."""
    return {
        name: int(total)
        for (what, name, _), total in counters.read_all(connection).items()
        if what == RETRIED
    }


def _left_s(until: dt.datetime | None, now: dt.datetime) -> float:
    return 0.0 if until is None else max((until - now).total_seconds(), 0.0)
