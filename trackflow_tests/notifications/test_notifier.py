"""Messages arrive at a real HTTP server; what cannot be sent is logged without its secrets."""

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trackflow.notifications.notifier import AppriseNotifier, NoNotifier, notifier_of
from trackflow.settings import Settings

SECRET = "hunter2"


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server that keeps what is posted to it: its port, and the messages."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_message_arrives_at_every_address_though_one_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with receiver() as (port, got), receiver(500) as (broken, _):
        urls = (
            f"json://me:{SECRET}@127.0.0.1:{broken}\n nonsense json://me:{SECRET}@127.0.0.1:{port}"
        )
        notifier = notifier_of(Settings.from_env({"TRACKFLOW_NOTIFY_URLS": urls}))
        with caplog.at_level(logging.DEBUG):
            assert not notifier.send("The sync failed", "**1** page:\n\n- `a` is gone")

    (message,) = got
    assert message["title"] == "The sync failed"
    assert "**1** page" in message["message"]
    told = [record.getMessage() for record in caplog.records if record.name.startswith("track")]
    assert sorted(told) == [
        "address 1 of TRACKFLOW_NOTIFY_URLS (json) did not take the message",
        "address 2 of TRACKFLOW_NOTIFY_URLS (no kind) is no address that Apprise knows",
    ]
    assert SECRET not in caplog.text


def test_a_server_that_hangs_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        AppriseNotifier([f"json://me:{SECRET}@127.0.0.1:{port}"], deadline_s=0.2).send("a", "b")
        assert "address 1 of TRACKFLOW_NOTIFY_URLS (json) gives no answer in time" in caplog.text
    assert SECRET not in caplog.text


def test_without_addresses_nothing_is_sent() -> None:
    assert isinstance(notifier_of(Settings()), NoNotifier)
    assert SECRET not in repr(Settings(notify_urls=(f"json://me:{SECRET}@host",)))


def test_a_long_text_is_cut() -> None:
    with receiver() as (port, got):
        assert AppriseNotifier([f"json://127.0.0.1:{port}"]).send("long", "x" * 100_000)
    assert 3000 < len(got[0]["message"]) < 4000
