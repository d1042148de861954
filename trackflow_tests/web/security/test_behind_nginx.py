"""A walk over all routes through a real nginx: without a token nobody gets in, ever again."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access import no_token, tokens
from trackflow.store.access.tokens import Scope
from trackflow_tests.helpers.nginx import CONFIGURATIONS, nginx_before
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import contents, open_context
from trackflow_tests.helpers.waiting import wait_until
from trackflow_tests.web.security.test_security import _guarded

pytestmark = pytest.mark.slow

READING = "/worker/status"

HOSTILE: tuple[dict[str, str], ...] = (
    {},
    {"Host": "localhost"},
    {"Host": "127.0.0.1"},
    {"Host": "127.0.0.1:{port}"},
    {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
    {"Host": "127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
    {"Host": "127.0.0.1:{port}", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    {"Host": "127.0.0.1:{port}", "Forwarded": "for=127.0.0.1;host=localhost"},
    {"Host": "[::1]:{port}"},
    {"Origin": "http://["},
    {"Cookie": "trackflow_token=tf_guessed"},
    {"Connection": "close, X-Forwarded-For"},
)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as opened:
        yield opened


@pytest.fixture(params=[False, True], ids=["another user", "same user"])
def as_same_user(request: pytest.FixtureRequest) -> bool:
    found: bool = request.param
    return found


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_nobody_gets_in_without_a_token(
    configuration: str, as_same_user: bool, context: Context, tmp_path: Path
) -> None:
    with running_api(context) as direct:
        port = direct.base_url.port or 0
        assert direct.get(READING).status_code == 200, "the person at the machine"
        with nginx_before(port, configuration, tmp_path, as_same_user=as_same_user) as nginx:
            for hostile in HOSTILE:
                _switch_on(context)  # each must be found out by itself
                headers = {name: value.format(port=port) for name, value in hostile.items()}
                answer = nginx.get(READING, headers=headers)
                assert answer.status_code == 401, (headers, answer.text)
                assert "token" in answer.json()["error"]
                assert direct.get(READING).status_code == 401, ("off for good", headers)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_route_before_and_after_the_last_token_was_revoked(
    configuration: str, context: Context, tmp_path: Path
) -> None:
    """All routes at first; then a share of them, another one behind each configuration."""
    routes = _guarded(context)
    share = routes[[*CONFIGURATIONS].index(configuration) :: len(CONFIGURATIONS)]
    assert len(share) > 20
    with running_api(context) as direct:
        port = direct.base_url.port or 0
        with nginx_before(port, configuration, tmp_path / "nginx") as nginx:
            _all_refused(context, routes, nginx)
            _switch_on(context)  # a person says that this proxy is gone, and is wrong
            _all_refused(context, share, nginx)
            secret = token_for(context, Scope.ADMIN)
            _all_refused(context, share, nginx)
            _all_refused(context, share, direct)
            admitted = {"Authorization": f"Bearer {secret}"}
            for scope, method, path in share:
                answer = nginx.request(method, path, headers=admitted)
                assert answer.status_code not in (401, 403), (scope, method, path, answer.text)
                assert answer.status_code < 500, (method, path, answer.text)
            with context.store.write() as connection:
                (token,) = tokens.read_tokens(connection)
                tokens.revoke(connection, token.token_id, context.clock())
            # deliveries are let in for a second longer
            at_once = [route for route in share if route[0] is not Scope.INGEST]
            _all_refused(context, at_once, nginx, admitted)
            _wait_until_forgotten(nginx, admitted)
            _all_refused(context, share, nginx, admitted)
            _all_refused(context, share, nginx)
            _all_refused(context, share, direct)


def _wait_until_forgotten(client: httpx.Client, headers: dict[str, str]) -> None:
    """A revoked token delivers for a second longer, and never after that."""

    def status() -> int:
        return client.post("/ingest/owntracks", headers=headers, content=b"[]").status_code

    wait_until(lambda: status() == 401, "the token is still taken")


def _all_refused(
    context: Context,
    routes: list[tuple[Scope, str, str]],
    client: httpx.Client,
    headers: dict[str, str] | None = None,
) -> None:
    """Every one of these routes is, with headers that may hold a token, and stores nothing."""
    before = contents(context.store)
    for _scope, method, path in routes:
        answer = client.request(method, path, headers=headers, content=b"{}")
        # a wrong token that is repeated for every route is delayed after a while
        refusals = {401} if headers is None else {401, 429}
        assert answer.status_code in refusals, (method, path, answer.text)
    assert contents(context.store) == before


def _switch_on(context: Context) -> None:
    with context.store.write() as connection:
        no_token.switch_on(connection, context.clock())
