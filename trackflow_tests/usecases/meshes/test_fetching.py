"""Addresses of images against real servers on loopback, which only an allowed host may lead to."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from trackflow.context import Context
from trackflow.errors import (
    AddressRefusedError,
    PageMissingError,
    PageRefusedError,
    RedirectError,
    SourceBusyError,
    SourceError,
    SourceUnavailableError,
    SwitchedOffError,
)
from trackflow.usecases.housekeeping.kill_switches import allow_again, stop_everything
from trackflow.usecases.meshes.fetching import SITE, fetch_image
from trackflow_tests.helpers.http_servers import Behaviour, Out, answering, free_port, server_that
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import PATIENCE_S

IMAGE = b"\x89PNG whatever"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    home = tmp_path / "home"
    with open_context("", home, mesh_allow_hosts=("localhost",), mesh_image_mb=1) as found:
        yield found


def allowed(url: str, path: str = "/image.png") -> str:
    return f"http://localhost:{urlsplit(url).port}{path}"


def test_an_image_comes_whatever_type_the_server_states(context: Context) -> None:
    with server_that(answering(200, IMAGE, Content_Type="text/html")) as (url, heads):
        assert fetch_image(context, allowed(url)) == IMAGE
        assert "trackflow" in heads[0]


def test_an_address_of_the_own_network_is_never_asked(context: Context) -> None:
    with server_that(answering(200, IMAGE)) as (url, heads):
        port = urlsplit(url).port
        for host in ("127.0.0.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"):
            with pytest.raises(AddressRefusedError):
                fetch_image(context, f"http://{host}:{port}/image.png")
        assert not heads


def test_a_redirect_into_the_own_network_is_not_followed(context: Context) -> None:
    with server_that(answering(200, IMAGE)) as (inner, heads):
        redirect = answering(302, Location=inner + "/secret")
        with server_that(redirect) as (url, _), pytest.raises(AddressRefusedError):
            fetch_image(context, allowed(url))
        assert not heads


def test_a_name_that_leads_elsewhere_the_second_time_is_looked_up_once(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: what was judged is what is connected to."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host != "rebound.example":
            return real(host, port, *more, **options)
        looked_up.append(host)
        number = "192.0.2.1" if len(looked_up) == 1 else "127.0.0.1"
        return real(number, port, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with server_that(answering(200, IMAGE)) as (url, heads):
        port = urlsplit(url).port
        with pytest.raises(AddressRefusedError):  # 192.0.2.0/24 is for documentation
            fetch_image(context, f"http://rebound.example:{port}/")
        assert looked_up == ["rebound.example"]
        assert not heads


def test_a_name_with_one_address_inside_is_refused(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in ("8.8.8.8", "::1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    with pytest.raises(AddressRefusedError):
        fetch_image(context, "http://both.example/")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a/b", "gopher://a/", "//a/b", "", "http://", "data:,x"]
)
def test_only_the_web_is_asked(context: Context, url: str) -> None:
    with pytest.raises(RedirectError):
        fetch_image(context, url)


@pytest.mark.parametrize(
    ("status", "error", "retryable"),
    [
        (404, PageMissingError, False),
        (410, PageMissingError, False),
        (403, PageRefusedError, False),
        (500, SourceUnavailableError, True),
        (502, SourceUnavailableError, True),
        (408, SourceUnavailableError, True),
        (429, SourceBusyError, True),
        (503, SourceBusyError, True),
    ],
)
def test_an_answer_says_whether_a_retry_helps(
    context: Context, status: int, error: type[SourceError], retryable: bool
) -> None:
    with server_that(answering(status)) as (url, _), pytest.raises(error) as caught:
        fetch_image(context, allowed(url, "/image.png?key=secret"))
    assert caught.value.retryable is retryable
    assert "secret" not in str(caught.value)


def dripping(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        out.write(b".")
        out.flush()
        time.sleep(0.05)


def endless(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        out.write(b"." * 65_536)


def silent(_: Out) -> None:
    time.sleep(2 * PATIENCE_S)


@pytest.mark.parametrize("behaviour", [dripping, silent])
def test_a_slow_server_is_left_at_the_deadline(context: Context, behaviour: Behaviour) -> None:
    with server_that(behaviour) as (url, _):
        began = time.monotonic()
        with pytest.raises(SourceUnavailableError, match="in time"):
            fetch_image(context, allowed(url), deadline_s=1)
        assert time.monotonic() - began < PATIENCE_S


def test_an_endless_body_is_left_at_the_limit(context: Context) -> None:
    with server_that(endless) as (url, _), pytest.raises(PageRefusedError, match="more than 1 MB"):
        fetch_image(context, allowed(url))


def test_a_server_that_is_away_may_come_back(context: Context) -> None:
    with pytest.raises(SourceUnavailableError):
        fetch_image(context, f"http://localhost:{free_port()}/image.png")


def test_the_kill_switch_stops_every_fetch(context: Context) -> None:
    stop_everything(context, SITE)
    with server_that(answering(200, IMAGE)) as (url, heads):
        with pytest.raises(SwitchedOffError):
            fetch_image(context, allowed(url))
        assert not heads
        assert allow_again(context, SITE)
        assert fetch_image(context, allowed(url)) == IMAGE
