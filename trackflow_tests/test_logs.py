"""Logs: one JSON object a line with the ids of the work, and never a token or a position."""

import datetime as dt
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from trackflow import logs
from trackflow.store.access.tokens import PREFIX, Scope
from trackflow.usecases.jobs.kinds import JobKind, queue_job, run_job
from trackflow.web.request_log import RequestLogMiddleware, request_id_of
from trackflow.web.server import config_of
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.running_api import (
    plain_client,
    running_server,
    token_for,
    wait_until_served,
)
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S

degrees = st.floats(-180, 180, allow_nan=False).map(lambda value: f"{value:.6f}")


def logged(*arguments: Any, log_format: str = "json", **more: Any) -> str:
    """What one call of a logger writes."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    is_json = log_format == "json"
    handler.setFormatter(logs.JsonFormatter() if is_json else logs.TextFormatter())
    logger = logging.getLogger("trackflow.test")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        logger.warning(*arguments, **more)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    return out.getvalue()


@given(lon=degrees, lat=degrees, template=st.sampled_from((
    "no match at {},{}", "lat={}&lon={}", '{{"lat": {}, "lon": {}}}', "[{}, {}]", "POINT({} {})",
    "at {}/{}", "{}:{}",
)))  # fmt: skip
def test_no_position_is_logged_in_any_form(lon: str, lat: str, template: str) -> None:
    for log_format in ("json", "text"):
        for text in (
            logged("%s", template.format(lat, lon), log_format=log_format),
            logged("x", exc_info=ValueError(template.format(lat, lon)), log_format=log_format),
        ):
            assert lat.removeprefix("-") not in text
            assert lon.removeprefix("-") not in text


@given(st.text("abcXYZ012_-", min_size=20, max_size=43))
def test_no_token_is_logged_in_any_form(secret: str) -> None:
    token = PREFIX + secret
    for text in (
        f"the token {token} is wrong",
        f"GET /ingest/osmand?token={token}&id=a",
        f"Authorization: Bearer {secret}",
        f"password='{secret}'",
        f"cannot reach postgresql+psycopg://me:{secret}@host/db",
        f"https://hooks.example/?key={secret}",
    ):
        assert secret not in logged("%s", text)


@pytest.mark.parametrize("part", ["/", "?", "?a", "a://", "1.", "-1.2345", "token=", "polyline("])
def test_a_long_text_of_a_stranger_is_looked_through(part: str) -> None:
    """It would take hours, and not a second, if it grew with the square of the length."""
    assert logs.hide(part * (3_000_000 // len(part)))


@pytest.mark.parametrize(
    "text",
    [
        "3 device days were processed in 1.25 s at 2026-03-02 12:00:01.123456+00:00",
        "the job 0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69 ended",
        "trackflow 0.8.0 reads van-7/2026-03-02, 99.125 % done",
        "see https://example.org/docs/page and /api/v1/tracks",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert json.loads(logged("%s", text))["message"] == text


def test_a_line_is_json_in_utc_with_the_ids_of_the_work() -> None:
    with logs.bound(job_id="j-1", run_id=None), logs.bound(batch="van-7/2026-03-02"):
        line = json.loads(logged("two\nlines"))
        text = logged("hello", log_format="text")
    assert dt.datetime.fromisoformat(line.pop("time")).utcoffset() == dt.timedelta(0)
    assert line == {
        "level": "warning",
        "logger": "trackflow.test",
        "message": "two\nlines",
        "job_id": "j-1",
        "batch": "van-7/2026-03-02",
    }
    assert text.endswith("WARNING trackflow.test: hello [job_id=j-1 batch=van-7/2026-03-02]\n")
    assert logs.ids_now() == {}


@given(st.text())
def test_no_name_of_a_file_or_a_device_changes_a_terminal_or_adds_a_line(name: str) -> None:
    line = logged("%s: cannot be read", f"{name}\x1b[2J\nnow", log_format="text")
    assert len(line.splitlines()) == 1
    assert not set(line[:-1]) & {
        chr(code) for code in (*range(9), *range(10, 32), *range(127, 160))
    }


def test_an_error_with_its_stack_is_one_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        text = logged("it failed", exc_info=True)
    assert text.count("\n") == 1
    assert "Traceback" in json.loads(text)["error"]
    assert "ValueError: broken" in json.loads(text)["error"]


@given(st.binary(max_size=80))
def test_only_harmless_request_ids_are_taken_over(given_id: bytes) -> None:
    found = request_id_of([(b"x-request-id", given_id)])
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", found)
    if re.fullmatch(rb"[A-Za-z0-9]{1,64}", given_id):
        assert found == given_id.decode()


def test_lines_of_a_job_bear_its_id(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[dict[str, str]] = []

    def run(*_: Any) -> dict[str, Any]:
        seen.append(logs.ids_now())
        return {}

    kind = JobKind(lambda _context, _given: {}, run, lambda _: "done")
    with open_context(database_url, tmp_path) as context:
        job = queue_job(context, "rebuild", {})
        run_job(context, job.job_id, dagster_run_id="r-1", kinds={"rebuild": kind})
    assert seen == [{"job_id": str(job.job_id), "run_id": "r-1"}]


def test_an_error_of_a_route_is_one_line_with_the_id_of_its_request() -> None:
    app = FastAPI()
    app.add_middleware(RequestLogMiddleware)

    @app.get("/broken")
    def broken() -> None:
        raise ValueError(f"no tile at {LAT} {LON}")

    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.JsonFormatter())
    logging.getLogger().addHandler(handler)
    try:
        config = config_of(app, "127.0.0.1", 0)
        with running_server(config) as address, plain_client(address, is_api=False) as api:
            answer = api.get("/broken", headers={"X-Request-ID": "mine"})
            assert answer.status_code == 500
    finally:
        logging.getLogger().removeHandler(handler)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    (line,) = [line for line in found if line["logger"] == "uvicorn.error"]
    assert line["request_id"] == "mine"
    assert "no tile at … …" in line["error"]


LON, LAT = "47.1135", "-17.2934"


@pytest.mark.slow
def test_a_service_logs_json_without_tokens_and_positions(tmp_path: Path) -> None:
    home = tmp_path / "home"
    port = free_port()
    with open_context("", home) as context:
        secret = token_for(context, Scope.ADMIN)
    environment = os.environ | {
        "TRACKFLOW_HOME": str(home),
        "TRACKFLOW_LOG_FORMAT": "json",
        "TRACKFLOW_DATABASE_URL": "",
    }
    command = [sys.executable, "-m", "trackflow", "serve", "--no-dagster", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        with plain_client(f"http://127.0.0.1:{port}") as api:
            wait_until_served(f"http://127.0.0.1:{port}", process)
            use(api, secret)
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    text = log.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines), text
    access = [line for line in lines if line["logger"] == "trackflow.access"]
    routes = {(line["method"], line["route"], line["status"]) for line in access}
    assert ("GET", "/ingest/{sender}", 200) in routes
    assert ("GET", "/api/v1/tracks", 400) in routes
    assert ("GET", None, 404) in routes
    assert "my-request-1" in {line["request_id"] for line in access}
    assert len({line["request_id"] for line in access}) == len(access)
    for hidden in (secret, secret[3:], LON, LAT.removeprefix("-"), "47.11", "17.29"):
        assert hidden not in text


def use(api: Any, secret: str) -> None:
    """Deliver and ask, with tokens and positions in every place where they may be."""
    query = f"id=a&lat={LAT}&lon={LON}&timestamp=1772452810"
    assert api.get(f"/ingest/osmand?{query}&token={secret}").status_code == 200
    bearer = {"Authorization": f"Bearer {secret}", "X-Request-ID": "my-request-1"}
    body = {"_type": "location", "lat": float(LAT), "lon": float(LON), "tst": 1772452800}
    answer = api.post("/ingest/owntracks?u=u&d=a", json=body, headers=bearer)
    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] == "my-request-1"
    del bearer["X-Request-ID"]
    bad = bearer | {"X-Request-ID": f'"}} forged {LAT}'}
    assert "forged" not in api.get("/api/v1/devices", headers=bad).headers["X-Request-ID"]
    api.get(f"/api/v1/tracks?bbox={LON},{LAT},x,y", headers=bearer)
    api.get(f"/no/such/{LAT}/{LON}?token={secret}")
    api.get("/api/v1/devices", headers={"Authorization": f"Bearer {secret}x"})
    api.post("/ingest/geojson", content=f"[{LON},{LAT}", headers=bearer)
