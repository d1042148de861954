"""Answers of HTTP as they come off a connection: in any pieces the same, and never half of one."""

import gzip
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency import connections
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.http import ask
from trackflow.concurrency.wire import AnswerParser
from trackflow_tests.helpers.mosquitto import write_certificate

BODY = gzip.compress(b"a body with \r\n\r\n in it") + b"\r\n"
WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: y\r\n\r\n%s" % (len(BODY), BODY),
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
    b"3\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (BODY[:3], len(BODY) - 3, BODY[3:]),
    "after": b"HTTP/1.1 103 Early Hints\r\nLink: z\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "closing": b"HTTP/1.1 200 OK\r\nConnection: close\r\nX: y\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY),
    "to its end": b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n" + BODY,
}
ENDS = {"closing", "to its end"}


def fed(pieces: list[bytes], *, end: bool = False) -> AnswerParser:
    parser = AnswerParser()
    for piece in pieces:
        if piece:
            parser.feed(piece)
    if end:
        parser.feed(b"")
    return parser


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(0, 1000), max_size=8))
def test_an_answer_is_the_same_in_any_pieces(kind: str, places: list[int]) -> None:
    found = fed(cut(WHOLE[kind], places), end=kind == "to its end")
    assert (found.status, found.has_head, found.is_whole) == (200, True, True)
    assert b"".join(found.taken()) == BODY
    assert (b"X", b"y") in found.headers
    assert all(name != b"Link" for name, _ in found.headers), "that of a hint before it"
    assert found.may_be_followed == (kind not in ENDS)


@given(st.sampled_from(sorted(set(WHOLE) - {"to its end"})), st.integers(0, 1000))
def test_half_an_answer_is_none(kind: str, place: int) -> None:
    data = WHOLE[kind]
    found = fed([data[: place % len(data)]])
    assert not found.is_whole
    with pytest.raises(httpx.RemoteProtocolError):
        found.feed(b"")


@given(st.binary(min_size=1, max_size=60))
def test_what_comes_after_an_answer_is_not_taken_for_the_next(more: bytes) -> None:
    found = fed([WHOLE["length"] + more])
    assert b"".join(found.taken()) == BODY
    assert found.is_whole
    if more.strip(b"\r\n"):  # empty lines before an answer mean nothing
        assert not found.may_be_followed


@given(st.binary(max_size=200))
def test_anything_else_is_an_error_of_the_server(data: bytes) -> None:
    try:
        fed([data], end=True)
    except httpx.RemoteProtocolError:
        return
    assert data.startswith((b"HTTP/", b"\r", b"\n")), "only an answer passes"


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """A server with a certificate of its own authority, which answers each request alike."""
    write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "fullchain.pem", folder / "privkey.pem")
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                stream, _ = listening.accept()
            except OSError:
                return
            with stream:
                try:
                    with context.wrap_socket(stream, server_side=True) as wrapped:
                        while wrapped.recv(65_536):
                            wrapped.sendall(WHOLE["chunks"])
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(30)


def test_tls_is_used_and_certificates_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path) as address:
        url = httpx.URL(address)
        with HttpClient() as client, pytest.raises(httpx.ConnectError):
            ask(client, url, deadline_s=60, max_bytes=1000)
        trusting = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
        monkeypatch.setattr(connections, "_ssl_context", lambda: trusting)
        with HttpClient() as client:
            for _ in range(3):
                assert ask(client, url, deadline_s=60, max_bytes=1000).body == BODY


def test_a_header_of_two_lines_is_not_sent() -> None:
    with HttpClient() as client, pytest.raises(httpx.LocalProtocolError):
        ask(
            client,
            httpx.URL("http://127.0.0.1:9/"),
            deadline_s=60,
            max_bytes=1,
            headers={"X": "y\r\nHost: elsewhere"},
        )
