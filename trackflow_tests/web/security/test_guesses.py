"""Wrong tokens wait ever longer, a right one never does, and no token is ever logged."""

import ipaddress
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.web import guarding
from trackflow.web.security import guesses
from trackflow.web.security.guesses import MOST_DELAY_S, WrongTokens, network_of
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.running_api import bearer, running_api, token_for, wait_until_served
from trackflow_tests.helpers.served import left_behind
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S

READING = "/worker/status"


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context("", tmp_path) as opened:
        yield opened


@pytest.fixture
def api(context: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Time stands still: on a busy machine a delay of seconds is over before the next request."""
    monkeypatch.setattr(guarding, "WrongTokens", partial(WrongTokens, Clock()))
    with running_api(context) as client:
        yield client


def test_a_guesser_waits_and_a_right_token_does_not(context: Context, api: httpx.Client) -> None:
    secret = token_for(context, Scope.ADMIN)
    answers = [api.get(READING, **bearer(f"tf_guess-{n}")) for n in range(60)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:10] == [401] * 10
    assert statuses.count(429) > 40
    late = next(answer for answer in answers if answer.status_code == 429)
    assert int(late.headers["Retry-After"]) >= 1
    assert "wrong ones" in late.json()["error"]
    for _ in range(3):
        assert api.get(READING, **bearer(secret)).status_code == 200
    signing_in = api.post("/session", json={"token": "tf_guess"})
    assert signing_in.status_code == 429
    assert api.post("/session", json={"token": secret}).status_code == 204
    figures = api.get("/metrics", **bearer(secret)).text
    assert _figure(figures, "trackflow_wrong_tokens_total") == 61
    assert _figure(figures, "trackflow_wrong_tokens_delayed_total") == statuses.count(429) + 1
    assert _figure(figures, "trackflow_guessing_addresses") == 1


def test_a_phone_that_repeats_a_revoked_token_is_no_guesser_until_it_floods(
    context: Context, api: httpx.Client
) -> None:
    token_for(context, Scope.ADMIN)
    statuses = [api.get(READING, **bearer("tf_revoked")).status_code for _ in range(150)]
    assert statuses[:80] == [401] * 80
    assert statuses[-1] == 429


def test_requests_without_a_token_are_no_guesses(context: Context, api: httpx.Client) -> None:
    token_for(context, Scope.ADMIN)
    assert {api.get(READING).status_code for _ in range(50)} == {401}


@given(st.integers(1, 30), st.floats(0, 2))
def test_delays_double_up_to_a_limit_for_a_guesser_who_waits(
    number: int, impatience_s: float
) -> None:
    clock = Clock()
    watched = WrongTokens(clock)
    for n in range(int(guesses.FREE_TRIES)):
        assert watched.note_wrong("192.0.2.1", [f"free {n}"]) == 0
    delays = []
    for n in range(number):
        assert watched.note_wrong("192.0.2.1", [f"guess {n}"]) == 0, "it has waited"
        delays.append(watched.note_wrong("192.0.2.1", ["at once"]))
        clock.now_s += delays[-1] + 0.001 + impatience_s
    assert [round(d) for d in delays] == [min(2**n, MOST_DELAY_S) for n in range(number)]


def test_neighbours_are_not_delayed_and_memory_is_bounded() -> None:
    clock = Clock()
    watched = WrongTokens(clock, most_addresses=100)
    for n in range(20):
        watched.note_wrong("192.0.2.1", [str(n)])
    assert watched.note_wrong("192.0.2.1", ["x"]) > 0
    assert watched.note_wrong("192.0.2.2", ["x"]) == 0
    for n in range(1000):
        watched.note_wrong(f"10.0.{n // 250}.{n % 250}", ["x"])
    assert len(watched._guessers) == 100
    clock.now_s += guesses.FORGET_S + 1
    assert watched.waiting() == 0


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_a_home_is_one_guesser(address: ipaddress.IPv6Address, other: int) -> None:
    start = int(address) >> 64 << 64
    first, second = ipaddress.IPv6Address(start), ipaddress.IPv6Address(start + other)
    if not (first.ipv4_mapped or second.ipv4_mapped):
        assert network_of(str(first)) == network_of(str(second))


@pytest.mark.slow
def test_no_token_of_an_address_is_logged(tmp_path: Path) -> None:
    """By the real command, whatever comes of the request."""
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    with open_context(f"sqlite:///{home / 'trackflow.db'}", home) as context:
        secret = token_for(context, Scope.INGEST)
    output = tmp_path / "output.txt"
    command = [sys.executable, "-m", "trackflow", "serve", "--no-dagster", "--port", str(port)]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=tmp_path)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_served(url, process)
        with httpx.Client(timeout=PATIENCE_S) as client:
            for path, status in (("/ingest/traccar", 200), ("/ingest/overland", 405), ("/x", 404)):
                answer = client.get(url + path, params={"token": secret, "id": "a", "lat": "x"})
                assert answer.status_code == status
                assert secret not in answer.text
            assert client.get(f"{url}/ingest/traccar?token=tf_wrong").status_code == 401
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
    written = [output, *(p for p in home.rglob("*") if p.is_file())]
    for file in written:
        assert secret.encode() not in file.read_bytes(), file
        assert b"tf_wrong" not in file.read_bytes(), file
    assert not left_behind(home)


def _figure(text: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])
