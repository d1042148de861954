"""Figures of stages, queues, jobs, disks and alerts for Prometheus, and those of this process.

The store's figures are the same in every process. They are read again after some seconds at the
earliest, however many programs ask.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Info, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trackflow import __version__
from trackflow.context import Context
from trackflow.usecases.housekeeping.alerts.rules import RULES
from trackflow.usecases.housekeeping.alerts.watching import Alert
from trackflow.usecases.housekeeping.figures import ServiceFigures
from trackflow.web.cached import CachedValue

type Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values with those of their labels."""


def gauge(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    """A figure that goes up and down.

    Args:
        name: without its prefix.
        text: what it is.
        labels: their names.
        samples: values.
    """
    return _filled(GaugeMetricFamily(f"trackflow_{name}", text, labels=labels), samples)


def counter(name: str, text: str, labels: tuple[str, ...], samples: Samples) -> Metric:
    """A sum that only grows; Prometheus adds `_total` to its name.

    Args:
        name: without its prefix.
        text: what it is.
        labels: their names.
        samples: values.
    """
    return _filled(CounterMetricFamily(f"trackflow_{name}", text, labels=labels), samples)


def _filled(family: Any, samples: Samples) -> Metric:
    for labels, value in samples:
        family.add_metric(labels, value)
    found: Metric = family
    return found


def _by(values: Mapping[str, float]) -> Samples:
    return (((key,), value) for key, value in values.items())


class StageFigures(Collector):
    """Stages, jobs and the results of work."""

    def __init__(self, figures: CachedValue[ServiceFigures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Read the figures; they may be some seconds old."""
        found = self._figures.get()
        yield from _stages(found)
        yield from _work(found)
        yield from _jobs(found)
        yield from _results(found)
        yield from _space(found)


def _stages(found: ServiceFigures) -> Iterator[Metric]:
    stages = found.stages
    waiting = {stage: state.waiting for stage, state in stages.items()} | found.behind
    yield gauge(
        "stage_waiting_batches",
        "Device days that a stage still has to do.",
        ("stage",),
        _by(waiting),
    )
    yield gauge(
        "stage_waiting_seconds",
        "How long the oldest of them has waited.",
        ("stage",),
        _by({stage: _age_s(found.at, state.waiting_since) for stage, state in stages.items()}),
    )
    yield gauge(
        "stage_failed_batches",
        "Device days that were given up at a stage.",
        ("stage",),
        _by({stage: state.failed for stage, state in stages.items()}),
    )


def _work(found: ServiceFigures) -> Iterator[Metric]:
    def sums(what: str) -> dict[tuple[str, str], float]:
        return {key[1:]: value for key, value in found.counters.items() if key[0] == what}

    yield counter(
        "stage_batches",
        "Device days that a stage has worked on, by how it came out.",
        ("stage", "outcome"),
        sums("batches").items(),
    )
    yield counter(
        "stage_seconds",
        "Seconds for which a stage has worked.",
        ("stage",),
        (((stage,), value) for (stage, _), value in sums("seconds").items()),
    )
    yield counter(
        "stage_points",
        "Points that a stage has read.",
        ("stage",),
        (((stage,), value) for (stage, _), value in sums("points").items()),
    )
    yield counter(
        "windows",
        "Windows that were needed: matched, or found in the cache.",
        ("outcome",),
        (((outcome,), value) for (_, outcome), value in sums("windows").items()),
    )


def _jobs(found: ServiceFigures) -> Iterator[Metric]:
    yield gauge(
        "jobs",
        "Jobs by kind and status.",
        ("kind", "status"),
        (((state.kind, state.status), state.jobs) for state in found.jobs),
    )
    for status, name, text in (
        ("queued", "job_queued_seconds", "How long the oldest queued job has waited."),
        ("running", "job_heartbeat_seconds", "Age of the oldest heartbeat of a running job."),
    ):
        ages = {
            (state.kind,): _age_s(found.at, state.oldest_at)
            for state in found.jobs
            if state.status == status
        }
        yield gauge(name, text, ("kind",), ages.items())


def _results(found: ServiceFigures) -> Iterator[Metric]:
    results, intake = found.results, found.intake
    yield counter("receipts", "Deliveries and imports.", (), [((), intake.receipts)])
    last = [] if intake.last_at is None else [((), intake.last_at.timestamp())]
    yield gauge("last_receipt_timestamp_seconds", "When the last of them was stored.", (), last)
    yield gauge(
        "quarantined_inputs", "Refused inputs that are kept.", ("reason",), _by(found.refused)
    )
    for name, text, value in (
        ("devices", "Known devices.", results.devices),
        ("tracks", "Merged tracks.", results.tracks),
        ("places_pending_tracks", "Tracks that wait for a place.", results.places_pending),
        ("addresses_due", "Addresses that are still to be asked for.", results.addresses_due),
        ("logbook_amendments", "Amendments to closed entries.", results.amendments),
    ):
        yield gauge(name, text, (), [((), value)])
    yield gauge(
        "categorized_tracks",
        "Tracks by category; none has the empty one.",
        ("category",),
        _by(results.categories),
    )
    entries = {
        "open": results.open_entries,
        "overdue": results.overdue_entries,
        "closed": results.closed_entries,
    }
    yield gauge(
        "logbook_entries",
        "Entries of the logbook; overdue ones are open and should be closed.",
        ("state",),
        _by(entries),
    )


def _space(found: ServiceFigures) -> Iterator[Metric]:
    yield gauge("database_bytes", "Size of the database.", (), [((), found.database_bytes)])
    yield gauge(
        "table_bytes",
        "Size of large tables with their indexes, on PostgreSQL.",
        ("table",),
        _by(found.table_bytes),
    )
    yield gauge(
        "disk_free_bytes",
        "Free space of the service's folders.",
        ("folder",),
        (((one.folder,), one.free_bytes) for one in found.disks),
    )
    yield gauge(
        "disk_size_bytes",
        "Size of their file systems.",
        ("folder",),
        (((one.folder,), one.total_bytes) for one in found.disks),
    )


class AlertFigures(Collector):
    """Alerts that are on."""

    def __init__(self, alerts: CachedValue[list[Alert]]) -> None:
        self._alerts = alerts

    def collect(self) -> Iterator[Metric]:
        """Read the alerts; they may be some seconds old."""
        counts = dict.fromkeys(RULES, 0)
        for alert in self._alerts.get():
            counts[alert.rule] += not alert.silenced
        yield gauge(
            "alerts",
            "Alerts that are on and not silenced; silent_device has one for each device.",
            ("rule",),
            _by(counts),
        )


class ProcessFigures(Collector):
    """Queues and pools of this process."""

    def __init__(self, read: Callable[[], Iterator[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Read the figures."""
        return self._read()


def _age_s(now: dt.datetime, since: dt.datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def add_service_figures(registry: CollectorRegistry, app: FastAPI, context: Context) -> None:
    """Add the figures of the service and of this process."""

    def of_process() -> Iterator[Metric]:
        in_use, idle = context.store.connections()
        yield gauge(
            "database_connections",
            "Connections of this process to the database.",
            ("state",),
            _by({"in_use": in_use, "idle": idle}),
        )
        most = context.store.most_connections
        yield gauge("database_connections_limit", "The most of them.", (), [((), most)])
        reception = app.state.reception
        yield gauge(
            "reports_waiting", "Reports that wait to be stored.", (), [((), reception.waiting)]
        )
        yield counter(
            "received_points",
            "Points that devices have reported to this process.",
            ("outcome",),
            _by({name: reception.counts[name] for name in ("accepted", "repeated", "refused")}),
        )

    registry.register(StageFigures(app.state.figures))
    registry.register(AlertFigures(app.state.alerts))
    registry.register(ProcessFigures(of_process))
    ProcessCollector(registry=registry)
    Info("trackflow_build", "Version of trackflow.", registry=registry).info(
        {"version": __version__}
    )
