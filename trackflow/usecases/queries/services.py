"""Figures of the services that are used, of their breakers, and of the pools at work."""

from collections.abc import Mapping
from dataclasses import dataclass

from trackflow.concurrency.breaker import Breaker
from trackflow.concurrency.budget import BUDGET
from trackflow.concurrency.pools import PoolFigures
from trackflow.context import Context
from trackflow.store import breakers
from trackflow.store.service_figures import ServiceFigures, read_pools, read_retries, read_services


@dataclass(frozen=True, slots=True)
class ConcurrencyFigures:
    """What works at the same time, in all processes.

    Attributes:
        services: by name.
        breakers: by the name of the service.
        openings: how often each breaker has opened.
        pools: by name.
        retries: how often work was tried again, by its name.
        threads: of all pools of this process, in use and at most.
    """

    services: Mapping[str, ServiceFigures]
    breakers: Mapping[str, Breaker]
    openings: Mapping[str, int]
    pools: Mapping[str, PoolFigures]
    retries: Mapping[str, int]
    threads: tuple[int, int]


def concurrency_figures(context: Context) -> ConcurrencyFigures:
    """The present figures; what other processes told is some seconds old."""
    with context.store.read() as connection:
        return ConcurrencyFigures(
            read_services(connection),
            breakers.read_breakers(connection),
            breakers.count_openings(connection),
            read_pools(connection),
            read_retries(connection),
            (BUDGET.in_use, BUDGET.places),
        )
