"""Figures for Prometheus, as its own parser reads them."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context


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
