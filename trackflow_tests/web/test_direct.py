"""The direct way to the doors answers as the routers do, and one reading of tokens serves all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.web.app import create_app
from trackflow.web.routes import intake
from trackflow.web.security.known_tokens import KnownTokens
from trackflow.web.security.limits import RequestLimits
from trackflow_tests.helpers.running_api import token_for
from trackflow_tests.helpers.stores import open_context

MESSAGE = '{"_type":"location","lat":60.1,"lon":24.9,"tst":1780000000,"tid":"ne"}'
FLAT = "id=bus&lat=60.1&lon=24.9&timestamp=1780000000"
FEATURE = '{"type":"Feature","geometry":null,"properties":{}}'

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/ingest/owntracks", {"content": MESSAGE}),
    ("POST", "/ingest/owntracks?u=jane&d=phone", {"content": MESSAGE}),
    ("POST", "/ingest/owntracks", {"content": ""}),
    ("POST", "/ingest/owntracks", {"content": "{"}),
    ("POST", "/ingest/owntracks", {"content": MESSAGE, "headers": {"content-encoding": "br"}}),
    ("POST", "/ingest/owntracks", {"content": b"x" * (RequestLimits().body_bytes + 1)}),
    ("POST", "/ingest/overland", {"content": '{"locations":[]}'}),
    ("POST", "/ingest/geojson", {"content": FEATURE}),
    ("POST", "/ingest/geojson", {"content": "[" + "{}," * 700_000 + "{}]"}),
    ("POST", "/ingest/traccar", {"content": FLAT}),
    ("POST", "/ingest/phonetrack", {"content": FLAT}),
    ("POST", "/ingest/homeassistant", {"content": '{"type":"x","data":{}}'}),
    ("POST", "/ingest/nobody", {"content": FLAT}),
    ("GET", f"/ingest/osmand?{FLAT}", {}),
    ("GET", f"/ingest/osmand?{FLAT}", {"headers": {"sec-fetch-site": "cross-site"}}),
    ("GET", "/ingest/owntracks", {}),
    ("PUT", "/ingest/owntracks", {"content": MESSAGE}),
    ("HEAD", "/ingest/traccar", {}),
    ("POST", "/ingest/owntracks/", {"content": MESSAGE}),
    ("GET", "/ingest/", {}),
]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as opened:
        yield opened


def without_direct(app: FastAPI) -> FastAPI:
    direct = [m for m in app.user_middleware if m.kwargs.get("router") is intake.router]
    assert len(direct) == 1
    app.user_middleware.remove(direct[0])
    return app


def answers(app: FastAPI, secrets: list[str]) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Status, headers and body of each request with each token, and the metrics of all."""

    async def ask() -> tuple[list[tuple[Any, ...]], list[str]]:
        found = []
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for secret in secrets:
                for method, path, parts in REQUESTS:
                    headers = parts.get("headers", {}) | {"authorization": f"Bearer {secret}"}
                    answer = await client.request(method, path, **parts | {"headers": headers})
                    del answer.headers["x-request-id"]  # each request has its own
                    found.append(
                        (answer.status_code, sorted(answer.headers.items()), answer.content)
                    )
        counts = [
            f"{sample.labels} {sample.value}"
            for metric in app.state.metrics.collect()
            for sample in metric.samples
            if sample.name == "trackflow_request_seconds_count"
        ]
        return found, sorted(counts)

    try:
        return asyncio.run(ask())
    finally:
        app.state.reception.close()
        app.state.road_tiles.close()


def test_the_direct_way_answers_as_the_routers_do(context: Context) -> None:
    secrets = [token_for(context, Scope.INGEST), token_for(context, Scope.READ), "wrong"]
    first, _ = answers(create_app(context), secrets)  # from here on all is stored already
    direct = answers(create_app(context), secrets)
    assert direct == answers(without_direct(create_app(context)), secrets)
    statuses = {answer[0] for answer in first}
    assert statuses >= {200, 401, 403, 404, 405, 413, 415}


def test_tokens_are_read_once_for_all_that_ask_at_one_moment(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = token_for(context, Scope.INGEST)
    readings = []

    def read(connection: Any) -> dict[str, tokens.Token]:
        readings.append(1)
        return in_use(connection)

    in_use = tokens.in_use
    monkeypatch.setattr(tokens, "in_use", read)

    async def ask(known: KnownTokens) -> None:
        for _ in range(3):
            known._until = 0.0
            await asyncio.gather(*(known.renew() for _ in range(50)))

    known = KnownTokens(context)
    asyncio.run(ask(known))
    assert len(readings) == 3
    known._until = float("inf")
    assert known.find(secret) is not None


def test_all_that_wait_for_tokens_hear_that_the_database_is_away(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Any) -> None:
        raise StoreUnavailableError("away")

    async def ask(known: KnownTokens) -> list[BaseException | None]:
        return await asyncio.gather(*(known.renew() for _ in range(5)), return_exceptions=True)

    known = KnownTokens(context)
    monkeypatch.setattr(tokens, "in_use", fail)
    assert [str(found) for found in asyncio.run(ask(known))] == ["away"] * 5
    monkeypatch.undo()
    assert asyncio.run(ask(known)) == [None] * 5
