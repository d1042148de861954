"""Figures of services, breakers, pools and connections for Prometheus."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trackflow.context import Context
from trackflow.usecases.queries.services import ConcurrencyFigures, concurrency_figures

SERVICE_GAUGES = {
    "connections_limit": "Connections that all processes may have at once.",
    "connections_granted": "Connections that processes hold for their requests.",
    "requests_running": "Requests under way.",
    "requests_waiting": "Threads that wait for a connection.",
    "processes": "Processes that use the service.",
    "rest_seconds": "How long the service still wants no request.",
}
SERVICE_COUNTERS = {
    "requests": "Requests that have ended.",
    "timeouts": "Requests that took longer than they may.",
    "broken": "Requests whose connection failed.",
}
POOL_GAUGES = {
    "threads": "Threads of the pool.",
    "running": "Calls under way.",
    "waiting": "Items in hand that are not begun: the queue.",
    "given_up": "Threads that hang beyond their deadline.",
}


class ConcurrencyCollector(Collector):
    """Figures of what works at the same time, in all processes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        found = concurrency_figures(self._context)
        yield from _services(found)
        yield from _breakers(found)
        for name, text in POOL_GAUGES.items():
            values = {pool: getattr(figures, name) for pool, figures in found.pools.items()}
            yield _gauge(f"trackflow_pool_{name}", text, "pool", values)
        yield _counter(
            "trackflow_retries", "Further tries of what failed and can get better.", found.retries,
            label="work",
        )  # fmt: skip
        yield _of_process(
            "trackflow_threads", "Threads of all pools of this process.", found.threads
        )


def _services(found: ConcurrencyFigures) -> Iterator[Metric]:
    values = {
        service: (
            figures.connections,
            figures.granted,
            figures.in_use,
            figures.waiting,
            figures.processes,
            figures.rest_s,
        )
        for service, figures in found.services.items()
    }
    for at, (name, text) in enumerate(SERVICE_GAUGES.items()):
        column = {service: row[at] for service, row in values.items() if row[at] is not None}
        yield _gauge(f"trackflow_service_{name}", text, "service", column)
    for name, text in SERVICE_COUNTERS.items():
        counts = {service: getattr(figures, name) for service, figures in found.services.items()}
        yield _counter(f"trackflow_service_{name}", text, counts)


def _breakers(found: ConcurrencyFigures) -> Iterator[Metric]:
    yield _gauge(
        "trackflow_breaker_failures",
        "Failures in a row.",
        "service",
        {service: breaker.failures for service, breaker in found.breakers.items()},
    )
    yield _counter("trackflow_breaker_openings", "How often a breaker has opened.", found.openings)


def _of_process(name: str, text: str, in_use_and_most: tuple[int, int]) -> GaugeMetricFamily:
    in_use, most = in_use_and_most
    return _gauge(name, text, "state", {"in_use": in_use, "limit": most})


def _gauge(
    name: str, text: str, label: str, values: Mapping[str, float | int | None]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        if value is not None:
            family.add_metric([key], value)
    return family


def _counter(
    name: str, text: str, values: Mapping[str, int], label: str = "service"
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for service, value in values.items():
        family.add_metric([service], value)
    return family
