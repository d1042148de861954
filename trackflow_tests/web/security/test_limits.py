"""Nobody holds the service up: bodies and headers that are too large, too slow or too deep."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context
from trackflow.usecases.access.tokens import Scope, create_token
from trackflow.web import server
from trackflow.web.security import limits
from trackflow.web.security.limits import RequestLimits
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

PATH = "/ingest/geojson"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as opened:
        yield opened


@pytest.fixture
def api(context: Context, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """With the limits that a test names; by default, none that a busy machine would meet."""
    chosen = getattr(request, "param", RequestLimits(body_s=120, headers_s=60))
    with running_api(context, limits=chosen) as client:
        yield client


impatient = pytest.mark.parametrize(
    "api", [RequestLimits(body_s=0.5, headers_s=0.5)], indirect=True, ids=[""]
)
"""For tests of what is too slow."""

FEW = RequestLimits(
    large_bodies_bytes=6 * RequestLimits().small_body_bytes, body_s=120, headers_s=60
)


def test_a_large_body_is_refused_whether_announced_or_not(api: httpx.Client) -> None:
    large = b" " * (RequestLimits().body_bytes + 1)
    announced = api.post(PATH, content=large)
    parts = (large[i : i + 1_000_000] for i in range(0, len(large), 1_000_000))
    in_parts = api.post(PATH, content=parts)

    for answer in (announced, in_parts):
        assert answer.status_code == 413
        assert "16 MiB" in answer.json()["error"]
    assert api.get("/health").status_code == 200


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_arrives(
    api: httpx.Client,
) -> None:
    with _connection(api) as client:
        client.sendall(_head(api, RequestLimits().body_bytes + 1, {}))
        assert client.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("end", [-2, None], ids=["headers", "body"])
def test_connections_that_send_nothing_make_room_for_others(
    end: int | None, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opened 512 and sent nothing, or bodies without an end, had everybody else refused."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    limits = RequestLimits(body_s=600, headers_s=600)
    with running_api(context, limits=limits) as api, ExitStack() as idle:
        for _ in range(20):
            idle.enter_context(_connection(api)).sendall(_head(api, 9, {})[:end])
        # a closed connection's request is still being dropped for a moment
        wait_until(lambda: api.get("/health").status_code == 200)


@pytest.mark.parametrize("api", [FEW], indirect=True, ids=[""])
def test_large_bodies_are_refused_while_there_are_too_many(
    context: Context, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One token's have half of the room. Small ones are taken all the same."""
    slow, fast = (
        {"Authorization": f"Bearer {create_token(context, name, Scope.INGEST, None)[0]}"}
        for name in ("slow", "fast")
    )
    share = FEW.large_bodies_bytes // 2
    is_there = _when_counted(monkeypatch, share - 1)
    with _connection(api) as other:
        other.sendall(_head(api, share, slow) + b" " * (share - 1))
        assert is_there.wait(PATIENCE_S)  # of two that come together, either may be refused
        answer = api.post(PATH, content=b" " * (share // 2), headers=slow)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert api.post(PATH, content=b" " * 10_000, headers=slow).status_code == 200
        assert api.post(PATH, content=b" " * share, headers=fast).status_code == 200
        other.sendall(b" ")
        assert other.recv(100).startswith(b"HTTP/1.1 200")
    for _ in range(4):  # what an answered one took is free again
        assert api.post(PATH, content=b" " * share, headers=slow).status_code == 200


def test_who_needs_no_token_sends_small_bodies_only(api: httpx.Client) -> None:
    large = json.dumps({"token": "a" * RequestLimits().small_body_bytes})
    assert api.post("/session", content=large).status_code == 413


@impatient
def test_a_body_that_drips_is_refused(api: httpx.Client) -> None:
    def dripping() -> Iterator[bytes]:
        for _ in range(50):
            yield b" "
            time.sleep(0.1)

    # it may see the answer, or that nobody listens any more
    try:
        answer = api.post(PATH, content=dripping())
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        pass
    else:
        assert answer.status_code == 408
    assert api.get("/health").status_code == 200


@impatient
@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"], ids=["nothing", "half"]
)
def test_headers_that_never_end_are_cut_off(api: httpx.Client, sent: bytes) -> None:
    with _connection(api) as connection:
        connection.sendall(sent)
        assert connection.recv(100) == b""


@pytest.mark.parametrize("api", [RequestLimits(headers_s=3.0)], indirect=True, ids=[""])
def test_slow_headers_of_a_later_request_are_cut_off_as_well(api: httpx.Client) -> None:
    with _connection(api) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /heal")
        answer = b""
        while part := connection.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200 OK")


def test_headers_without_end_are_cut_off(api: httpx.Client) -> None:
    with _connection(api) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        assert _fill(connection, b"X-Filler: " + b"a" * 10_000 + b"\r\n", 50_000_000) < 50_000_000


@pytest.mark.parametrize("api", [RequestLimits(headers_s=4.0)], indirect=True, ids=[""])
def test_many_requests_on_one_connection_are_fine(api: httpx.Client) -> None:
    """Together they may take longer, and have more bytes, than the headers of one may."""
    began = time.monotonic()
    while time.monotonic() - began < 4.5:
        assert api.get("/health", headers={"X-Long": "a" * 20_000}).status_code == 200
        time.sleep(0.3)


@pytest.mark.parametrize(
    "deep",
    [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 90 + b"]" * 90],
    # as names of tests, they would fill the environment of every process that is started meanwhile
    ids=["lists", "objects", "closed"],
)
def test_deep_json_hurts_nobody(api: httpx.Client, deep: bytes) -> None:
    answer = api.post(PATH, content=deep)
    assert answer.status_code < 500
    assert api.get("/health").status_code == 200


def _fill(connection: socket.socket, part: bytes, most_bytes: int) -> int:
    """Send the same again and again until nobody takes it; how much was taken."""
    sent = 0
    with suppress(OSError):
        while sent < most_bytes:
            sent += connection.send(part)
    return sent


def _when_counted(monkeypatch: pytest.MonkeyPatch, size_bytes: int) -> threading.Event:
    """Set once a body of this size is being held."""
    count, is_there = limits._LimitedRequest._count_as_large, threading.Event()

    def counted(body: limits._LimitedRequest) -> None:
        count(body)
        if body.large_bytes >= size_bytes:
            is_there.set()

    monkeypatch.setattr(limits._LimitedRequest, "_count_as_large", counted)
    return is_there


def _host(api: httpx.Client) -> str:
    """Without the port it would be a sign of a proxy."""
    return f"{api.base_url.host}:{api.base_url.port}"


def _head(api: httpx.Client, length: int, headers: dict[str, str]) -> bytes:
    """Of a delivery of so many bytes."""
    lines = {"Host": _host(api), "Content-Length": str(length)} | headers
    head = "\r\n".join(f"{name}: {value}" for name, value in lines.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n\r\n".encode()


def _connection(api: httpx.Client) -> socket.socket:
    return socket.create_connection((api.base_url.host, api.base_url.port or 0), timeout=PATIENCE_S)
