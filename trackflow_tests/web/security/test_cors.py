"""Pages of other sites: none may use the API unless the operator names them, and then by token."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from trackflow.store.access.tokens import Scope
from trackflow.web.security.access import COOKIE
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import open_context

MAP, OTHER = "https://map.example", "https://other.example"


@contextmanager
def _api(folder: Path, *origins: str) -> Iterator[tuple[httpx.Client, str]]:
    url = f"sqlite:///{folder / 'trackflow.db'}"
    with (
        open_context(url, folder, cors_origins=origins) as context,
        running_api(context) as client,
    ):
        yield client, token_for(context, Scope.READ)


def _ask_before(api: httpx.Client, origin: str) -> httpx.Response:
    """The question of a browser before a request with a token."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    return api.options("/api/v1/devices", headers=headers)


def test_no_origin_is_allowed_by_default(tmp_path: Path) -> None:
    with _api(tmp_path) as (api, secret):
        headers = {"Origin": MAP, "Authorization": f"Bearer {secret}"}
        for answer in (_ask_before(api, MAP), api.get("/api/v1/devices", headers=headers)):
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origins", [(MAP,), ("*",)])
def test_an_allowed_origin_needs_a_token_and_gets_no_session(
    tmp_path: Path, origins: tuple[str, ...]
) -> None:
    with _api(tmp_path, *origins) as (api, secret):
        assert _ask_before(api, MAP).status_code == 200
        other = _ask_before(api, OTHER)
        assert (other.status_code == 200) == (origins == ("*",))
        headers = {"Origin": MAP, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        with_token = api.get(
            "/api/v1/devices", headers=headers | {"Authorization": f"Bearer {secret}"}
        )
        assert with_token.status_code == 200
        assert with_token.headers["access-control-allow-origin"] == origins[0]
        assert "ETag" in with_token.headers["access-control-expose-headers"]
        with_cookie = api.get("/api/v1/devices", headers=headers | {"Cookie": f"{COOKIE}={secret}"})
        assert with_cookie.status_code == 401
        # the page is told why, and never that it may send the cookie along
        assert with_cookie.headers["access-control-allow-origin"] == origins[0]
        for answer in (with_token, with_cookie, _ask_before(api, MAP)):
            assert "access-control-allow-credentials" not in answer.headers
