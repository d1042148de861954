"""Nobody gets in who may not; and the person at the machine does, while there are no tokens."""

import base64
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi.routing import BaseRoute, iter_route_contexts

from trackflow.context import Context
from trackflow.store.access import no_token, tokens
from trackflow.store.access.tokens import Scope
from trackflow.store.database import _engine
from trackflow.store.migrations.apply import upgrade
from trackflow.store.service_tables import access_tokens
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.web.app import create_app
from trackflow.web.security.access import COOKIE, GuardedRoute
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    deliver,
    drive,
    open_context,
    settings_of,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

SIGNED = {"/api/v1/meshes/callbacks"}
"""Takes no token: the sender proves itself by a signature (usecases/meshes/test_receiving)."""

PUBLIC = {
    "/", "/catalogue", "/data", "/logbook", "/numbers", "/meshes", "/meshes/{mesh_id}",
    "/docs", "/health", "/session", "/static/{name:path}", "/worker.js",
} | SIGNED  # fmt: skip
"""Everything that is open to everyone; the page's own files hold nobody's data."""


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def test_every_route_is_guarded(context: Context) -> None:
    routes = _routes(context)
    assert routes
    assert all(isinstance(route, GuardedRoute) for route in routes), routes


def test_no_more_is_open_to_everyone_than_is_listed(context: Context) -> None:
    found = {r.path for r in _guarded(context) if r.scope is None}
    assert found == PUBLIC


def test_a_revoked_token_opens_nothing(context: Context, api: httpx.Client) -> None:
    admin, other = token_for(context, Scope.ADMIN), token_for(context, Scope.ADMIN)
    assert admin != other
    with context.store.write() as connection:
        token = tokens.find(connection, other)
        assert token is not None
        tokens.revoke(connection, token.token_id, context.clock())
    path = _some_path(context)
    assert api.get(path, **bearer(other)).status_code == 401
    assert api.get(path, **bearer(admin)).status_code != 401


def test_without_tokens_only_this_machines_own_pages_get_in(
    context: Context, api: httpx.Client
) -> None:
    path = _some_path(context)
    assert api.get(path).status_code not in (401, 403)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert api.get(path, headers=headers).status_code == 401, headers
        assert api.get(path).status_code == 200, "another website's page cannot end the mode"


@pytest.mark.parametrize("path", [None, "/", "/health"], ids=["guarded", "page", "health"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Forwarded": "for=192.0.2.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Proto": ""},
        {"x-real-ip": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "192.0.2.1"},
        {"Host": "rebound.example:80"},
        {"Host": "localhost"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "trackflow"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
    ids=str,
)
def test_a_sign_of_a_proxy_ends_no_token_mode_for_good(
    headers: dict[str, str], path: str | None, tmp_path: Path
) -> None:
    with open_context("", tmp_path) as context, running_api(context) as api:
        reading = _some_path(context)
        assert api.get(reading).status_code == 200
        shown = api.get(path or reading, headers=headers)
        assert shown.status_code == (200 if path else 401)
        refused = api.get(reading)
        assert refused.status_code == 401
        assert "trackflow token" in refused.json()["error"]
    with open_context("", tmp_path) as context, running_api(context) as api:
        assert api.get(reading).status_code == 401, "also after a restart"
        _local_on(context)
        assert api.get(reading).status_code == 200, "until a person says so"
        assert api.get(reading, headers=headers).status_code == 401
        assert api.get(reading).status_code == 401


@pytest.mark.parametrize(
    "request_line", ["GET {} HTTP/1.0\r\nHost: 127.0.0.1:{}", "GET {} HTTP/1.0"]
)
def test_http_1_0_is_a_sign_of_a_proxy(
    context: Context, api: httpx.Client, request_line: str
) -> None:
    path, port = _some_path(context), api.base_url.port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=PATIENCE_S) as connection:
        connection.sendall(request_line.format(path, port).encode() + b"\r\n\r\n")
        assert b" 401 " in connection.recv(4096)
    assert api.get(path).status_code == 401


def test_no_token_mode_stays_off_once_a_token_has_existed(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        path = _some_path(context)
        deliver(context.store, batch_of_device("van", drive(NOON, 5)))
        assert api.get(path).status_code == 200
        backup(context, tmp_path / "before.zip")
        token_for(context, Scope.INGEST, "van")
        assert api.get(path).status_code == 401
        with context.store.write() as connection:
            (token,) = tokens.read_tokens(connection)
            tokens.revoke(connection, token.token_id, context.clock())
        assert api.get(path).status_code == 401, "the last one is revoked"
        backup(context, tmp_path / "revoked.zip")
        purge(context, "van")
        with context.store.read() as connection:
            assert tokens.read_tokens(connection) == [], "there is no trace of it left"
        assert api.get(path).status_code == 401, "and yet"
        backup(context, tmp_path / "purged.zip")
    for name in ("before", "revoked", "purged"):
        with open_context("", tmp_path / name) as context, running_api(context) as api:
            restore(context, tmp_path / f"{name}.zip")
            assert api.get(path).status_code == 401, name
            _local_on(context)
            assert api.get(path).status_code == 200
            token_for(context, Scope.READ)
            assert api.get(path).status_code == 401, "a new token ends it again"


def test_a_store_of_an_older_version_that_has_had_tokens_is_shut(
    blank_database_url: str, tmp_path: Path
) -> None:
    engine = _engine(settings_of(blank_database_url, tmp_path).url)
    upgrade(engine, "0008")
    with engine.begin() as connection:
        connection.execute(
            sa.insert(access_tokens).values(
                token_id="a", name="a", token_hash="x", scope="read", created_at=NOON,
                revoked_at=NOON, device_id="van",
            )
        )  # fmt: skip
    engine.dispose()
    with open_context(blank_database_url, tmp_path) as context, running_api(context) as api:
        with context.store.write() as connection:
            connection.execute(sa.delete(access_tokens))
        assert api.get(_some_path(context)).status_code == 401


def test_a_service_that_others_can_reach_has_no_no_token_mode(context: Context) -> None:
    with running_api(context, host="0.0.0.0") as api:
        assert api.get(_some_path(context)).status_code == 401


def test_who_is_refused_is_told_what_to_do(context: Context, api: httpx.Client) -> None:
    path = _some_path(context)
    page = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert api.get(path, headers=page).status_code == 200
    token_for(context, Scope.READ)
    shown = api.get(path, headers=page)
    assert shown.status_code == 401
    assert shown.headers["content-type"].startswith("text/html")
    for command in ("trackflow token create", "trackflow token local on"):
        assert command in shown.text
        assert command in api.get(path).json()["error"]
    assert '<html lang="en">' in shown.text
    german = api.get(path, headers=page | {"Accept-Language": "fi, de-AT;q=0.9, en;q=0.8"})
    assert '<html lang="de">' in german.text
    assert "braucht ein Token" in german.text
    assert "Accept-Language" in german.headers["vary"]


def test_a_token_comes_in_several_ways(context: Context, api: httpx.Client) -> None:
    secret, path = token_for(context, Scope.ADMIN), _some_path(context)
    basic = base64.b64encode(f"anyone:{secret}".encode()).decode()
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"Authorization": f"Basic {basic}"},
        {"Cookie": f"{COOKIE}={secret}"},
    ):
        assert api.get(path, headers=headers).status_code not in (401, 403), headers
    foreign = {"Cookie": f"{COOKIE}={secret}", "Origin": "https://evil.example"}
    assert api.get(path, headers=foreign).status_code == 401
    assert api.get(path, params={"token": secret}).status_code == 401


@pytest.mark.parametrize("header", ["Bearer", "Basic !!", "Basic /w==", "Digest x", "Bearer \xff"])
def test_a_broken_header_is_no_token(context: Context, api: httpx.Client, header: str) -> None:
    token_for(context, Scope.ADMIN)
    answer = api.get(_some_path(context), headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def _local_on(context: Context) -> None:
    """As `trackflow token local on` does."""
    with context.store.write() as connection:
        assert no_token.switch_on(connection, context.clock())


def _routes(context: Context) -> list[BaseRoute]:
    return [found.original_route for found in iter_route_contexts(create_app(context).routes)]


def _guarded(context: Context) -> list[GuardedRoute]:
    return [route for route in _routes(context) if isinstance(route, GuardedRoute)]


def _some_path(context: Context) -> str:
    """A route that is not open to everyone and takes nothing."""
    return next(
        route.path
        for route in _guarded(context)
        if route.scope in (Scope.READ, Scope.ADMIN)
        and "GET" in route.methods
        and "{" not in route.path
    )
