"""Nobody gets in who may not; and the person at the machine does, while there are no tokens."""

import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import BaseRoute, iter_route_contexts

from trackflow.api.access import COOKIE, GuardedRoute
from trackflow.api.app import create_app
from trackflow.pipeline.work import Work
from trackflow.store import tokens
from trackflow.store.tokens import Scope
from trackflow_tests.api.running import bearer, running_api, token_for
from trackflow_tests.stores import open_work

PUBLIC = {"/", "/catalogue", "/health", "/session", "/static/{name}"}
"""Everything that is open to everyone; the page's own files hold nobody's data."""


@pytest.fixture
def work(database_url: str, tmp_path: Path) -> Iterator[Work]:
    with open_work(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(work: Work) -> Iterator[httpx.Client]:
    with running_api(work) as client:
        yield client


def test_every_route_is_guarded(work: Work) -> None:
    routes = _routes(work)
    assert routes
    assert all(isinstance(route, GuardedRoute) for route in routes), routes


def test_no_more_is_open_to_everyone_than_is_listed(work: Work) -> None:
    found = {r.path for r in _guarded(work) if r.scope is None}
    assert found == PUBLIC


def test_a_revoked_token_opens_nothing(work: Work, api: httpx.Client) -> None:
    admin, other = token_for(work, Scope.ADMIN), token_for(work, Scope.ADMIN)
    assert admin != other
    with work.store.write() as connection:
        token = tokens.find(connection, other)
        assert token is not None
        tokens.revoke(connection, token.token_id, work.clock())
    path = _some_path(work)
    assert api.get(path, **bearer(other)).status_code == 401
    assert api.get(path, **bearer(admin)).status_code != 401


def test_without_tokens_only_this_machines_own_pages_get_in(work: Work, api: httpx.Client) -> None:
    path = _some_path(work)
    assert api.get(path).status_code not in (401, 403)
    for headers in (
        {"Host": "rebound.example:80"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert api.get(path, headers=headers).status_code == 401, headers


def test_a_token_comes_in_several_ways(work: Work, api: httpx.Client) -> None:
    secret, path = token_for(work, Scope.ADMIN), _some_path(work)
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
def test_a_broken_header_is_no_token(work: Work, api: httpx.Client, header: str) -> None:
    token_for(work, Scope.ADMIN)
    answer = api.get(_some_path(work), headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def _routes(work: Work) -> list[BaseRoute]:
    return [context.original_route for context in iter_route_contexts(create_app(work).routes)]


def _guarded(work: Work) -> list[GuardedRoute]:
    return [route for route in _routes(work) if isinstance(route, GuardedRoute)]


def _some_path(work: Work) -> str:
    """A route that is not open to everyone and takes nothing."""
    return next(
        route.path
        for route in _guarded(work)
        if route.scope in (Scope.READ, Scope.ADMIN)
        and "GET" in route.methods
        and "{" not in route.path
    )
