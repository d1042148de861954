"""Figures of the services that are used, of their breakers, and of the pools at work."""

from collections.abc import Mapping
from dataclasses import dataclass

from trackflow.concurrency.breaker import Breaker
from trackflow.concurrency.budget import BUDGET
from trackflow.concurrency.pools import PoolFigures
from trackflow.context import Context
from trackflow.store import breakers
from trackflow.store.service_figures import ServiceFigures, read_pools, read_services


@dataclass(frozen=True, slots=True)
class ConcurrencyFigures:
    """What works at the same time, in all processes.

    Attributes:
        services: by name.
        breakers: by the name of the service.
        openings: how often each breaker has opened.
        pools: by name.
        database_connections: of this process, in use and at most.
        threads: of all pools of this process, in use and at most.
    """

    services: Mapping[str, ServiceFigures]
    breakers: Mapping[str, Breaker]
    openings: Mapping[str, int]
    pools: Mapping[str, PoolFigures]
    database_connections: tuple[int, int]
    threads: tuple[int, int]


def concurrency_figures(context: Context) -> ConcurrencyFigures:
    """The present figures; what other processes told is some seconds old."""
    with context.store.read() as connection:
        return ConcurrencyFigures(
            read_services(connection),
            breakers.read_breakers(connection),
            breakers.count_openings(connection),
            read_pools(connection),
            (context.store.connections_in_use, context.store.most_connections),
            (BUDGET.in_use, BUDGET.places),
        )
