import itertools
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.exchanges import (
    MOST_HEADER_BYTES,
    Connection,
    Reply,
    Request,
    TooLargeError,
)
from trackflow.concurrency.sockets import Patience, Wire
from trackflow.errors import StoppedError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\n"
WHOLE = HEAD + b"hello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-One: 1\r\n\r\n"
    b"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Late: 1\r\n\r\n"
)
ANNOUNCED = b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" + WHOLE
OPEN_ENDED = b"HTTP/1.1 200 OK\r\nX-One: 1\r\n\r\nhello"


def request(url: str = "http://a.example/b?c=d", **given_: object) -> Request:
    usual = {"method": "GET", "headers": {}, "content": None, "most_bytes": 1000}
    return Request(url=httpx.URL(url), **{**usual, **given_})  # type: ignore[arg-type]


def soon(seconds: float = 20.0) -> Patience:
    return Patience(time.monotonic() + seconds)


@contextmanager
def connected() -> Iterator[tuple[Connection, socket.socket]]:
    ours, theirs = socket.socketpair()
    connection = Connection(("http", b"a.example", 80), Wire(ours))
    try:
        yield connection, theirs
    finally:
        connection.close()
        theirs.close()


def exchanged(parts: Sequence[bytes], *, ends: bool = False) -> tuple[Reply, bool, str]:
    """The answer that comes in these parts, whether the connection is kept, and what was sent."""
    with connected() as (connection, server):

        def serve() -> None:
            heard.append(server.recv(65_536).decode())
            with suppress(OSError):  # the client may have seen enough
                for part in parts:
                    server.sendall(part)
                if ends:
                    server.shutdown(socket.SHUT_WR)

        heard: list[str] = []
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            reply = connection.exchange(request(), soon())
        finally:
            thread.join()
        return reply, connection.is_reusable, heard[0]


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(at)]


@given(
    st.sampled_from([WHOLE, CHUNKED, ANNOUNCED, OPEN_ENDED]),
    st.lists(st.integers(0, 200), max_size=6),
)
def test_an_answer_is_the_same_however_it_arrives(answer: bytes, cuts: list[int]) -> None:
    reply, keeps, _ = exchanged(pieces(answer, cuts), ends=answer is OPEN_ENDED)
    assert (reply.status, reply.body, reply.headers["x-one"]) == (200, b"hello", "1")
    assert "X-Late" not in reply.headers
    assert "X-Early" not in reply.headers
    assert keeps is (answer is not OPEN_ENDED)


@given(
    st.sampled_from([WHOLE, CHUNKED, ANNOUNCED]).flatmap(
        lambda answer: st.integers(0, len(answer) - 1).map(lambda length: answer[:length])
    )
)
def test_an_answer_that_breaks_off_anywhere_is_none(part: bytes) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        exchanged([part] if part else [], ends=True)


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE + b"HTTP/1.1 200 OK\r\n\r\n",
        WHOLE + b"more",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello",
        HEAD.replace(b"X-One", b"Connection: close\r\nX-One") + b"hello",
    ],
    ids=["a second answer", "more bytes", "HTTP 1.0", "close"],
)
def test_a_connection_that_others_may_have_spoilt_is_not_used_again(answer: bytes) -> None:
    reply, keeps, _ = exchanged([answer])
    assert reply.body == b"hello"
    assert not keeps


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"SSH-2.0-x\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", httpx.HTTPError),
        (HEAD.replace(b"X-One", b"Transfer-Encoding: chunked\r\nX-One"), httpx.HTTPError),
        (HEAD.replace(b"5", b"1001") + b"x" * 1001, TooLargeError),
        (HEAD[:-2] + b"X: " + b"x" * MOST_HEADER_BYTES, httpx.RemoteProtocolError),
    ],
    ids=["no HTTP", "another protocol", "two lengths", "large", "large headers"],
)
def test_what_is_no_answer_is_refused(answer: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        exchanged([answer], ends=True)


def test_a_request_has_its_headers_and_no_others() -> None:
    with connected() as (connection, server):
        server.sendall(WHOLE)
        sent = request(
            "http://me:pass@a.example:81/b?c=d", method="POST", headers={"A": "b"}, content=b"xyz"
        )
        connection.exchange(sent, soon())
        lines = server.recv(65_536).decode().split("\r\n")
    assert lines[:3] == ["POST /b?c=d HTTP/1.1", "Host: a.example:81", "A: b"]
    assert lines[4:] == ["Authorization: Basic bWU6cGFzcw==", "Content-Length: 3", "", "xyz"]


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\rb"])
def test_a_header_cannot_bring_another_one(value: str) -> None:
    with connected() as (connection, _), pytest.raises(httpx.LocalProtocolError):
        connection.exchange(request(headers={"A": value}), soon())


def test_a_server_that_drips_is_not_waited_for() -> None:
    ended = threading.Event()
    with connected() as (connection, server):

        def drip() -> None:
            for byte in HEAD * 100:
                if ended.wait(0.02):
                    return
                server.send(bytes([byte]))

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        try:
            with pytest.raises(TooLateError):
                connection.exchange(request(), soon(0.3))
            assert time.monotonic() - began < 5
        finally:
            ended.set()
            thread.join()


def test_a_request_is_cut_off() -> None:
    stop = threading.Event()
    with connected() as (connection, _):
        threading.Timer(0.1, stop.set).start()
        with pytest.raises(StoppedError):
            connection.exchange(request(), Patience(time.monotonic() + 60, stop))


def test_a_server_that_reads_slowly_gets_all_of_a_large_body() -> None:
    body = bytes(range(256)) * 20_000
    with connected() as (connection, server):
        heard = bytearray()

        def serve() -> None:
            while not heard.endswith(body[-1000:]) or len(heard) < len(body):
                heard.extend(server.recv(100_000))
            server.sendall(WHOLE)

        thread = threading.Thread(target=serve)
        thread.start()
        connection.exchange(request(method="POST", content=body), soon())
        thread.join()
    assert bytes(heard).endswith(body)
