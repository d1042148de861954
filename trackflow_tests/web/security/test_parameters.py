"""Query parameters over all routes: unknown ones are refused, and days mean the same everywhere."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow_tests.docs.http_reference import describe
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

pytestmark = pytest.mark.xdist_group("parameters")

DEVICE = "van"
DAY = NOON.date()
NEXT = DAY + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A store with a drive on one day, and one on the next."""
    folder = tmp_path_factory.mktemp("parameters")
    with open_context(f"sqlite:///{folder / 'trackflow.db'}", folder) as opened:
        for day in (NOON, NOON + dt.timedelta(days=1)):
            deliver(opened.store, batch_of_device(DEVICE, drive(day, 300)))
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, operations in describe()["paths"].items()
        for method, operation in operations.items()
    ]


def _scopes(operation: dict[str, Any]) -> set[str]:
    return {name for one in operation["security"] for names in one.values() for name in names}


def _of_query(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in operation.get("parameters", ()) if p["in"] == "query"}


def test_an_unknown_parameter_is_refused_by_every_guarded_route(
    context: Context, api: httpx.Client
) -> None:
    admin = bearer(token_for(context, Scope.ADMIN))
    walked = 0
    for method, path, operation in _operations():
        scopes = {
            scope for one in operation["security"] for found in one.values() for scope in found
        }
        if not scopes & {"read", "admin"}:
            continue  # pages, and what senders of positions call
        known = _of_query(operation)
        answer = api.request(
            method, re.sub(r"{[^}]*}", "1", path), params={"devise": "x", "\0": "y"}, **admin
        )
        assert answer.status_code == 422, (method, path, answer.text)
        words = answer.json()["error"]
        assert words.startswith("unknown query parameter `devise`, "), (method, path, words)
        assert words.endswith(", ".join(sorted(known)) if known else "none"), (method, path, words)
        walked += 1
    assert walked > 100


def test_who_may_not_is_told_that_before_names_of_parameters(
    context: Context, api: httpx.Client
) -> None:
    token_for(context, Scope.ADMIN)
    assert api.get("/api/v1/tracks?devise=x").status_code == 401


def test_pages_and_senders_take_any_parameter(context: Context, api: httpx.Client) -> None:
    sender = bearer(token_for(context, Scope.INGEST))
    assert api.get("/catalogue?utm_source=mail").status_code == 200
    sent = api.post("/ingest/owntracks?whatever=1", json={"_type": "status"}, **sender)
    assert sent.status_code == 200


def test_from_a_day_to_the_same_day_is_that_day_everywhere(
    context: Context, api: httpx.Client
) -> None:
    admin = bearer(token_for(context, Scope.ADMIN))
    walked = 0
    for _, path, operation in _operations():
        query = _of_query(operation)
        if not {"from", "to"} <= set(query):
            continue
        path = re.sub("{[^}]*}", "0", path.replace("{subject}", "tracks"))  # 0: of a tile
        assert "included" in query["to"]["description"], path
        where = {"bbox": "-180,-90,180,90"} if "near" in query else {}
        if "device" in query:
            where["device"] = DEVICE

        def ask(
            first: object, last: object, path: str = path, where: dict[str, str] = where
        ) -> httpx.Response:
            asked = {"from": str(first), "to": str(last), **where}
            return api.get(path, params=asked, **admin)

        that_day = ask(DAY, DAY)
        assert that_day.status_code == 200, (path, that_day.text)
        if "date-time" in str(query["to"]["schema"]):
            same = ask(f"{DAY}T00:00:00Z", f"{NEXT}T00:00:00Z")
            assert same.content == that_day.content, path
        walked += 1
    assert walked > 10


@pytest.mark.parametrize("path", ["/api/v1/tracks", "/api/v1/exports/tracks"])
def test_the_last_day_is_whole_and_no_more(context: Context, api: httpx.Client, path: str) -> None:
    admin = bearer(token_for(context, Scope.ADMIN))
    for last, count in ((DAY, 1), (NEXT, 2)):
        found = api.get(path, params={"from": str(DAY), "to": str(last)}, **admin).json()
        assert len(found["features"]) == count
    beyond = api.get(path, params={"from": str(DAY), "to": "9999-12-31"}, **admin)
    assert len(beyond.json()["features"]) == 2


def test_head_answers_as_get_does_without_a_body(context: Context, api: httpx.Client) -> None:
    """Monitors ask so, and `curl -I`; other methods are told which there are, of all routes."""
    reader: dict[str, Any] = bearer(token_for(context, Scope.READ))
    for path in ("/health", "/", "/api/v1/devices", "/api/v1/tracks", "/api/v1/nothing"):
        got, head = api.get(path, **reader), api.head(path, **reader)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        for name in ("Content-Type", "Content-Length", "ETag"):
            assert head.headers.get(name) == got.headers.get(name), path
    for path, methods in _methods_by_path().items():
        refused = api.request("TRACE", path)
        assert refused.status_code == 405
        assert methods <= set(refused.headers["Allow"].split(", ")), path


def _methods_by_path() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for method, path, _ in _operations():
        if "{" not in path:
            found.setdefault(path, set()).add(method)
    return found
