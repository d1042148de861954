import gzip
import time
from collections.abc import Iterator

import pytest

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.polite import PoliteClient
from trackflow.concurrency.rate_limit import RateLimit
from trackflow.concurrency.switch import Switch
from trackflow.errors import (
    PageMissingError,
    PageRefusedError,
    RedirectError,
    SourceBusyError,
    SourceUnavailableError,
    SwitchedOffError,
    TrackflowError,
)
from trackflow_tests.helpers.http_servers import Behaviour, Out, answering, free_port, server_that
from trackflow_tests.helpers.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def client() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


@pytest.fixture
def web(client: HttpClient) -> PoliteClient:
    limit, agent = RateLimit(1e6), "tests (me@example.com)"
    return PoliteClient(limit, Switch("a site"), agent, 50_000, client=client, slowest_s=PATIENCE_S)


def soon() -> Deadline:
    return Deadline.after(PATIENCE_S)


def redirecting(location: str) -> Behaviour:
    return answering(302, Location=location)


def test_a_page_comes_with_where_it_is_from_and_who_asked_is_told(web: PoliteClient) -> None:
    with server_that(answering(200, b"hello", Content_Type="Text/HTML; charset=x")) as (url, heads):
        page = web.get(f"{url}/a", soon())
        assert (page.url, page.body) == (f"{url}/a", b"hello")
        assert "User-Agent: tests (me@example.com)" in heads[0]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, PageMissingError),
        (410, PageMissingError),
        (401, PageRefusedError),
        (418, PageRefusedError),
        (500, SourceUnavailableError),
        (503, SourceBusyError),
        (429, SourceBusyError),
        (304, PageRefusedError),
    ],
)
def test_every_status_has_its_error_and_no_query_is_told(
    web: PoliteClient, status: int, error: type[TrackflowError]
) -> None:
    with server_that(answering(status)) as (url, _), pytest.raises(error) as caught:
        web.get(f"{url}/search?q=1+Main+Street", soon())
    assert str(caught.value) == f"{url}/search answers with HTTP {status}"


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (b"x" * 50_001, "identity", PageRefusedError),
        (gzip.compress(b"\0" * 10_000_000), "gzip", PageRefusedError),
        (gzip.compress(b"hello" * 1000)[:-20], "gzip", SourceUnavailableError),
        (b"this is not packed", "gzip", SourceUnavailableError),
    ],
    ids=["large", "bomb", "cut", "unpacked"],
)
def test_what_is_too_large_or_broken_is_not_unpacked(
    web: PoliteClient, body: bytes, encoding: str, error: type[TrackflowError]
) -> None:
    serving = server_that(answering(200, body, Content_Encoding=encoding))
    with serving as (url, _), pytest.raises(error):
        web.get(url, soon())


def test_a_packed_page_is_unpacked(web: PoliteClient) -> None:
    body = b"hello" * 1000
    with server_that(answering(200, gzip.compress(body), Content_Encoding="gzip")) as (url, _):
        assert web.get(url, soon()).body == body


@pytest.mark.parametrize("location", ["file:///etc/passwd", "//", "http://", "ftp://example.com/"])
def test_redirects_lead_to_the_web_or_nowhere(web: PoliteClient, location: str) -> None:
    with server_that(redirecting(location)) as (url, _), pytest.raises(RedirectError):
        web.get(url, soon())


def test_redirects_on_and_on_come_to_an_end(web: PoliteClient) -> None:
    number = 0

    def behave(out: Out) -> None:
        nonlocal number
        number += 1
        redirecting(f"/{number}")(out)

    with server_that(behave) as (url, heads), pytest.raises(RedirectError, match="more than 5"):
        web.get(url, soon())
    assert len(heads) == 6


def test_a_redirect_to_itself_is_a_circle(web: PoliteClient) -> None:
    with server_that(redirecting("/")) as (url, heads):
        with pytest.raises(RedirectError, match="in circles"):
            web.get(f"{url}/", soon())
        assert len(heads) == 1


def test_a_retry_after_holds_back_every_request(web: PoliteClient) -> None:
    with server_that(answering(429, Retry_After="3600")) as (url, heads):
        with pytest.raises(SourceBusyError) as caught:
            web.get(url, soon())
        assert caught.value.retry_after_s == 3600
        with pytest.raises(TooLateError):
            web.get(url, soon())
        assert len(heads) == 1


def test_a_thrown_switch_makes_no_request(web: PoliteClient) -> None:
    web.switch.throw("the owner asks for it")
    with server_that(answering(200)) as (url, heads), pytest.raises(SwitchedOffError):
        web.get(url, soon())
    assert not heads


def test_a_server_that_is_not_there_is_a_network_error(web: PoliteClient) -> None:
    with pytest.raises(SourceUnavailableError, match="cannot be reached"):
        web.get(f"http://127.0.0.1:{free_port()}/", soon())
    for url in ("not an address", "javascript:alert(1)"):
        with pytest.raises(RedirectError, match="no address on the web"):
            web.get(url, soon())


def test_a_drip_ends_with_the_deadline_and_sooner_with_the_limit_of_one_request(
    web: PoliteClient,
) -> None:
    def drip(out: Out) -> None:
        out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        for _ in range(10_000):
            out.write(b"x")
            out.flush()
            time.sleep(0.01)

    with server_that(drip) as (url, _):
        with pytest.raises(TooLateError):
            web.get(url, Deadline.after(0.1))
        web.slowest_s = 0.1
        with pytest.raises(SourceUnavailableError, match="no answer in time"):
            web.get(url, soon())
