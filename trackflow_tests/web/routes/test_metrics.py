"""Figures for Prometheus, as its own parser reads them."""

import uuid
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from trackflow.concurrency.breaker import FAILURES_TO_OPEN
from trackflow.concurrency.budget import OTHER_CONNECTIONS
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.pools import PoolFigures
from trackflow.errors import SourceUnavailableError
from trackflow.places.stays import cell_of
from trackflow.settings import MOST_CONNECTIONS
from trackflow.store.places import addresses
from trackflow.store.service_limits import note_pools
from trackflow.usecases.places.address_service import opened_service
from trackflow.usecases.places.addressing import address_all
from trackflow_tests.helpers.place_server import PlaceServer, running
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context
from trackflow_tests.helpers.waiting import PATIENCE_S


def figures(api: httpx.Client) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels."""
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_store(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        found = figures(api)
        assert found["trackflow_batches", "pending"] == 1
        assert found["trackflow_batches", "failed"] == 0
        assert found["trackflow_points", "unprocessed"] == 60
        assert found["trackflow_cached_paths",] == 0
        assert found["trackflow_failed_batches",] == 0
        # the clock stands 300 days after the delivery
        assert found["trackflow_backlog_age_seconds",] == 300 * 86_400
        assert found["trackflow_worker_running",] == 0


def test_requests_are_measured_by_route(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        for track in range(3):
            api.get(f"/api/v1/tracks/{track}")
        api.get("/api/v1/devices")
        api.get("/no/such/path")
        api.request("PROPFIND", "/api/v1/devices")
        found = figures(api)
    name = "trackflow_request_seconds_count"
    assert found[name, "GET", "/api/v1/tracks/{track_id}", "422"] == 3
    assert found[name, "GET", "/api/v1/devices", "200"] == 1
    assert found[name, "GET", "none", "404"] == 1
    assert {key[1] for key in found if key[0] == name} == {"GET", "other"}


def test_services_breakers_pools_and_connections_have_figures(
    database_url: str, tmp_path: Path
) -> None:
    place = PlaceServer()
    with (
        running(place),
        open_context(
            database_url, tmp_path, geocoder_url=place.url, geocoder_per_s=1000.0
        ) as context,
        running_api(context) as api,
    ):
        service = f"geocoder {urlsplit(place.url).netloc}"
        cells = [cell_of(k * 0.01, 50.0) for k in range(2)]
        with context.store.write() as connection:
            addresses.want(connection, cells, "none", context.clock())
        assert address_all(context).found == 2
        place.dead = True
        with context.store.read() as connection:
            row = addresses.read(connection, cells)[cells[0]]
        with opened_service(context) as opened:
            for _ in range(FAILURES_TO_OPEN):
                with pytest.raises(SourceUnavailableError):
                    opened.address_of(row, Deadline.after(PATIENCE_S))
        context.services.close()
        found = figures(api)
    for name, value in {
        "service_connections_limit": 1,
        "service_connections_granted": 0,
        "service_requests_running": 0,
        "service_requests_waiting": 0,
        "service_processes": 0,
        "service_rest_seconds": 0,
        "service_requests_total": 2 + FAILURES_TO_OPEN,
        "service_timeouts_total": 0,
        "breaker_failures": FAILURES_TO_OPEN,
        "breaker_openings_total": 1,
    }.items():
        assert found[f"trackflow_{name}", service] == value, name
    assert found["trackflow_threads", "limit"] == MOST_CONNECTIONS - OTHER_CONNECTIONS


def test_pools_at_work_have_figures(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        with context.store.write() as connection:
            note_pools(connection, uuid.uuid4(), {"addresses": PoolFigures(3, 2, 7, 1)})
            note_pools(connection, uuid.uuid4(), {"addresses": PoolFigures(1, 1, 0, 0)})
        found = figures(api)
    for name, value in {"threads": 4, "running": 3, "waiting": 7, "given_up": 1}.items():
        assert found[f"trackflow_pool_{name}", "addresses"] == value
