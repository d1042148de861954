"""Figures for Prometheus, computed on each request.

Figures of the store are read from the store, so all processes report the same; only the requests of
this process are counted in memory.
"""

import time
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.catalogue.sources import sources
from trackflow.usecases.catalogue.status import status
from trackflow.usecases.meshes.control import MeshStatus
from trackflow.usecases.meshes.figures import figures_of, waiting_s
from trackflow.usecases.queries.processing import StoreCounts, worker_status
from trackflow.web.answers.service import METRICS
from trackflow.web.cached import CachedValue
from trackflow.web.dependencies import guarded_router
from trackflow.web.routes.concurrency_metrics import ConcurrencyCollector
from trackflow.web.security.access import open_to
from trackflow.web.security.guesses import WrongTokens
from trackflow.web.service_figures import add_service_figures

router = guarded_router()

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


@router.get(
    "/metrics",
    tags=["service"],
    summary="Figures for Prometheus",
    response_class=Response,
    responses=METRICS,
)
@open_to(Scope.READ)
def metrics(request: Request) -> Response:
    """Batches by status, points, age of the backlog; services, breakers and pools; requests.

    What they mean is in the pages [Live reports](../live.md) and [Concurrency](../concurrency.md).
    """
    registry: CollectorRegistry = request.app.state.metrics
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class StoreCollector(Collector):
    """Figures of the store."""

    def __init__(self, context: Context, counts: CachedValue[StoreCounts]) -> None:
        self._context, self._counts = context, counts

    def collect(self) -> Iterator[Metric]:
        """Read the figures; they may be some seconds old."""
        counts = self._counts.get()
        status = worker_status(self._context, counts)
        yield _by_label("trackflow_batches", "Device-days by status.", "status", counts.batches)
        yield _by_label(
            "trackflow_points",
            "Points by whether their day has work to do.",
            "state",
            {"unprocessed": counts.unprocessed_points, "processed": counts.processed_points},
        )
        for name, text, value in (
            ("cached_paths", "Windows that have a line.", counts.cached_paths),
            (
                "active_devices",
                "Devices that have sent something within 24 hours.",
                counts.active_devices,
            ),
            ("failed_batches", "Device-days that were given up.", counts.batches["failed"]),
        ):
            yield GaugeMetricFamily(f"trackflow_{name}", text, value=value)
        yield GaugeMetricFamily(
            "trackflow_backlog_age_seconds",
            "How long the oldest work has waited.",
            value=status.backlog_age_s,
        )
        yield GaugeMetricFamily(
            "trackflow_worker_running",
            "Whether a live worker was heard of lately.",
            value=float(status.heartbeat_at is not None),
        )
        yield _by_label(
            "trackflow_breaker_open",
            "Whether nothing is asked of a service for now.",
            "service",
            {name: float(phase == "open") for name, (phase, _) in status.breakers.items()},
        )


class CatalogueCollector(Collector):
    """Figures of the catalogue of race tracks: each source's last sync and its tracks."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        tracks = GaugeMetricFamily(
            "trackflow_catalogue_tracks", "Race tracks.", labels=["source", "state"]
        )
        age = GaugeMetricFamily(
            "trackflow_catalogue_sync_age_seconds",
            "How long ago a sync last went well.",
            labels=["source"],
        )
        last = GaugeMetricFamily(
            "trackflow_catalogue_last_sync_tracks",
            "Race tracks by what the last sync made of them.",
            labels=["source", "outcome"],
        )
        seconds = GaugeMetricFamily(
            "trackflow_catalogue_stage_seconds",
            "How long the stages of the last sync took.",
            labels=["source", "stage"],
        )
        try:
            names = list(sources(self._context.settings))
        except SettingsError:
            return  # a wrong address of a source must not hide all other figures
        for name in names:
            found = status(self._context, name)
            for state in ("active", "inactive", "missed"):
                tracks.add_metric([name, state], getattr(found, state))
            if found.last_completed_at is not None:
                elapsed = self._context.clock() - found.last_completed_at
                age.add_metric([name], elapsed.total_seconds())
            if found.last is not None:
                for outcome in SYNC_OUTCOMES:
                    last.add_metric([name, outcome], getattr(found.last, outcome))
                for stage, took_s in found.last.stages.items():
                    seconds.add_metric([name, stage], took_s)
        yield from (tracks, age, last, seconds)


class MeshCollector(Collector):
    """Figures of meshes: the queue, what is stored, and the sums of all that was made."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        figures = figures_of(self._context)
        by_status = {status.value: figures.by_status.get(status, 0) for status in MeshStatus}
        yield _by_label("trackflow_meshes", "Meshes by status.", "status", by_status)
        for name, text, value in (
            ("images", "Images of which meshes are made.", figures.images),
            ("stored_bytes", "Bytes of files of meshes.", figures.stored_bytes),
            (
                "queue_age_seconds",
                "How long the first mesh in the queue has waited.",
                waiting_s(self._context, figures),
            ),
        ):
            yield GaugeMetricFamily(f"trackflow_mesh_{name}", text, value=value)
        ended = CounterMetricFamily(
            "trackflow_meshes_ended", "Meshes by how they ended.", labels=["outcome"]
        )
        seconds = CounterMetricFamily(
            "trackflow_mesh_seconds", "Seconds of work on meshes.", labels=["outcome"]
        )
        size = CounterMetricFamily("trackflow_mesh_bytes", "Bytes of meshes.", labels=["outcome"])
        for outcome, entry in figures.totals.items():
            ended.add_metric([outcome], entry.meshes)
            seconds.add_metric([outcome], entry.seconds)
            size.add_metric([outcome], entry.size_bytes)
        yield from (ended, seconds, size)


SYNC_OUTCOMES = ("added", "changed", "unchanged", "deactivated", "reactivated", "failed")


def _by_label(name: str, text: str, label: str, values: dict[str, Any]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


class GuessesCollector(Collector):
    """Figures of wrong tokens that this process received."""

    def __init__(self, guesses: WrongTokens) -> None:
        self._guesses = guesses

    def collect(self) -> Iterator[Metric]:
        """Read the present figures."""
        yield CounterMetricFamily(
            "trackflow_wrong_tokens", "Requests with a wrong token.", value=self._guesses.refused
        )
        yield CounterMetricFamily(
            "trackflow_wrong_tokens_delayed",
            "Those that came while their address had to wait (answered by 429).",
            value=self._guesses.delayed,
        )
        yield GaugeMetricFamily(
            "trackflow_guessing_addresses",
            "Addresses that have to wait now, after many wrong tokens.",
            value=self._guesses.waiting(),
        )


class TimingMiddleware:
    """Measures requests by the route's template: addresses hold ids, and would be unlimited."""

    def __init__(self, app: Any, registry: CollectorRegistry) -> None:
        self.app = app
        self.histogram = Histogram(
            "trackflow_request_seconds",
            "Duration of requests to this process.",
            ("method", "route", "status"),
            registry=registry,
            buckets=BUCKETS,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request of ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = "500"

        async def send_noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in METHODS else "other"
            elapsed = time.perf_counter() - started
            self.histogram.labels(method, route, status).observe(elapsed)


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods with a label of their own: a client can send any word as method."""


def add_metrics(app: FastAPI, context: Context) -> None:
    """Measure requests, and add the store's figures to `/metrics`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(context, app.state.counts))
    registry.register(CatalogueCollector(context))
    registry.register(MeshCollector(context))
    registry.register(ConcurrencyCollector(context))
    registry.register(GuessesCollector(app.state.guesses_of_tokens))
    add_service_figures(registry, app, context)
    app.state.metrics = registry
    app.add_middleware(TimingMiddleware, registry=registry)
