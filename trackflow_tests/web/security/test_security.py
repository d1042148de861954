"""The whole API from outside: every route by every token, and whatever a fuzzer thinks of."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow.web.app import create_app
from trackflow.web.security.access import GuardedRoute
from trackflow_tests.helpers.running_api import (
    WITHOUT_TLS,
    bearer,
    running_api,
    token_for,
)
from trackflow_tests.helpers.stores import batch_of_device, contents, deliver, drive, open_context
from trackflow_tests.helpers.waiting import PATIENCE_S

if TYPE_CHECKING:
    import schemathesis

pytestmark = pytest.mark.xdist_group("security")

DEVICE = "van'; DROP TABLE gps_points; --<script>alert(1)</script>"
EXAMPLES_PER_OPERATION = 6

NASTY = (
    "' OR '1'='1",
    "'; DROP TABLE gps_points; --",
    '"; DELETE FROM tracks WHERE ""="',
    "%27%20UNION%20SELECT%20token_hash%20FROM%20access_tokens--",
    "../../../../etc/passwd",
    "\x00",
    "<script>alert(1)</script>",
    "-1",
    "1e999",
    "NaN",
    "9" * 400,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A store with tracks of a device with a nasty name."""
    folder = tmp_path_factory.mktemp("security")
    with open_context(f"sqlite:///{folder / 'trackflow.db'}", folder) as opened:
        start = opened.clock().replace(hour=8)
        deliver(opened.store, batch_of_device(DEVICE, drive(start, 300)))
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        client.headers["X-Admin"] = token_for(context, Scope.ADMIN)
        yield client


@pytest.fixture(scope="module")
def operations(api: httpx.Client) -> list["schemathesis.APIOperation"]:
    import schemathesis  # takes more than a second, in every test process

    headers = {"Authorization": f"Bearer {api.headers['X-Admin']}"}
    schema = schemathesis.openapi.from_url(f"{api.base_url}/openapi.json", headers=headers)
    return [result.ok() for result in schema.get_all_operations()]


def test_every_route_turns_away_whoever_may_not(context: Context, api: httpx.Client) -> None:
    """Without a token, with a wrong one, and with those that are for something else."""
    narrower = {
        Scope.ADMIN: [token_for(context, Scope.READ), token_for(context, Scope.INGEST, "van")],
        Scope.READ: [token_for(context, Scope.INGEST), token_for(context, Scope.INGEST, "van")],
        Scope.INGEST: [token_for(context, Scope.READ)],
    }
    before = contents(context.store)
    for number, (scope, method, path) in enumerate(_guarded(context)):
        for secret, expected in [(None, 401), *((t, 403) for t in narrower[scope])]:
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            answer = api.request(method, path, headers=headers, content=b"{}")
            assert answer.status_code == expected, (method, path, secret and scope, answer.text)
        # many wrong ones from one address are slowed, ever more
        with _from(f"127.0.{number // 250 + 1}.{number % 250 + 1}", api) as stranger:
            answer = stranger.request(method, path, content=b"{}", **bearer("tf_wrong"))
            assert answer.status_code == 401, (method, path, answer.text)
    assert number > 50
    assert contents(context.store) == before


@pytest.mark.parametrize("host", ["tracks.example", "evil.example"])
def test_a_slash_too_many_leads_nowhere_else(api: httpx.Client, host: str) -> None:
    """Behind a proxy with TLS it led to http, with the token in the clear."""
    answer = api.get("/api/v1/tracks/?limit=3", headers={"Host": host}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/v1/tracks?limit=3")


def test_the_description_says_which_token_opens_a_route(context: Context) -> None:
    app = create_app(context)
    description = app.openapi()
    schemes = description["components"]["securitySchemes"]
    described = description["paths"]
    walked = 0
    for each in iter_route_contexts(app.routes):
        route = each.original_route
        if not (isinstance(route, GuardedRoute) and route.include_in_schema):
            continue
        for method in route.methods:
            security = described[route.path_format][method.lower()]["security"]
            scopes = {scope for one in security for scopes in one.values() for scope in scopes}
            assert scopes == ({route.scope} if route.scope else set()), route.path
            ways = {name for one in security for name in one}
            assert ways <= set(schemes)
            assert ("address" in ways) == (route.scope is Scope.INGEST)
            walked += 1
    assert walked > 100


def test_every_route_lets_in_whoever_may(context: Context, api: httpx.Client) -> None:
    fitting = {scope: token_for(context, scope) for scope in Scope}
    for scope, method, path in _guarded(context):
        answer = api.request(method, path, **bearer(fitting[scope]))
        assert answer.status_code not in (401, 403), (method, path, answer.text)
        assert answer.status_code < 500, (method, path, answer.text)


@pytest.mark.parametrize("value", NASTY)
def test_nothing_in_a_parameter_does_harm(
    context: Context, api: httpx.Client, operations: list["schemathesis.APIOperation"], value: str
) -> None:
    admin = {"Authorization": f"Bearer {api.headers['X-Admin']}"}
    before = contents(context.store, "gps_points", "tracks")
    for operation in operations:
        if operation.method.upper() != "GET":
            continue
        query = {parameter.name: value for parameter in operation.query}
        path = operation.path
        for parameter in operation.path_parameters:
            path = path.replace(f"{{{parameter.name}}}", httpx.QueryParams({"x": value})["x"])
        try:
            answer = api.get(path, params=query, headers=admin)
        except httpx.InvalidURL:
            continue
        assert answer.status_code < 500, (path, value, answer.text)
        # what was sent comes back as data only; a browser never takes it for a page
        is_page = "html" in answer.headers.get("content-type", "")
        assert not (is_page and value.startswith("<") and value in answer.text)
    assert contents(context.store, "gps_points", "tracks") == before


@pytest.mark.slow
def test_the_api_does_what_it_says(
    api: httpx.Client, operations: list["schemathesis.APIOperation"]
) -> None:
    """Schemathesis: any request that its description allows, answered as it describes."""
    from schemathesis import checks
    from schemathesis.specs.openapi import checks as openapi_checks

    headers = {"Authorization": f"Bearer {api.headers['X-Admin']}"}
    seen = 0

    def check(case: "schemathesis.Case") -> None:
        nonlocal seen
        seen += 1
        response = case.call(base_url=str(api.base_url), headers=headers)
        case.validate_response(
            response,
            checks=[
                checks.not_a_server_error,
                openapi_checks.status_code_conformance,
                openapi_checks.content_type_conformance,
                openapi_checks.response_schema_conformance,
            ],
        )

    for operation in operations:
        tried = given(case=operation.as_strategy())(check)
        settings(
            max_examples=EXAMPLES_PER_OPERATION,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )(tried)()
    assert seen > 100


@given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "text/plain", ""]))
@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_body_breaks_a_route(
    context: Context, api: httpx.Client, body: bytes, kind: str
) -> None:
    admin = {"Authorization": f"Bearer {api.headers['X-Admin']}"} | (
        {"Content-Type": kind} if kind else {}
    )
    for _, method, path in _guarded(context):
        if method in ("POST", "PUT"):
            answer = api.request(method, path, content=body, headers=admin)
            assert answer.status_code < 500, (method, path, body, answer.text)


def _from(address: str, api: httpx.Client) -> httpx.Client:
    """A client of the API that has another address of this machine."""
    transport = httpx.HTTPTransport(local_address=address, verify=WITHOUT_TLS, trust_env=False)
    return httpx.Client(base_url=api.base_url, transport=transport, timeout=PATIENCE_S)


def _guarded(context: Context) -> list[tuple[Scope, str, str]]:
    """Scope, method and path of every route that is not open to everyone, parameters filled in."""
    found = []
    for each in iter_route_contexts(create_app(context).routes):
        route = each.original_route
        if isinstance(route, GuardedRoute) and route.scope is not None:
            path = re.sub(r"{[^}]*}", "1", route.path)
            found += [(route.scope, method, path) for method in sorted(route.methods)]
    return found
