"""How programs are, asked over real HTTP."""

import json
import socket

import pytest

from trackflow.concurrency.health import SILENT_S, DaemonHeartbeat, unanswered
from trackflow_tests.helpers.http_servers import answering, server_that


@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_any_answer_is_one(status: int) -> None:
    with server_that(answering(status, b"x")) as (url, _):
        assert unanswered(url, 30) is None


def test_silence_and_a_shut_port_are_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert unanswered(url, 0.2) == "it did not answer within 0.2 s"
    assert unanswered(url, 0.2) == "it did not answer within 0.2 s"


def test_a_daemon_is_missed_once_its_heartbeats_stay_the_same() -> None:
    now_s = [1000.0]
    heartbeat = DaemonHeartbeat("", lambda: now_s[0])

    def ask(*times: float | None, status: int = 200) -> str | None:
        told = [{"lastHeartbeatTime": time} for time in times]
        body = {"data": {"instance": {"daemonHealth": {"allDaemonStatuses": told}}}}
        sent = answering(status, json.dumps(body).encode(), Content_Type="application/json")
        with server_that(sent) as (url, _):
            heartbeat._url = url
            return heartbeat.problem(30)

    heartbeat.begin()
    now_s[0] += SILENT_S - 1
    assert ask(None, None) is None, "it has only just started"
    now_s[0] += 2
    assert "no sign of life for 301 s" in str(ask(None, None))
    assert ask(5.0, None) is None
    now_s[0] += SILENT_S - 1
    assert ask(5.0, None) is None
    assert ask(status=500) is None, "no news is no silence yet"
    now_s[0] += 2
    assert "no sign of life" in str(ask(5.0, None))
    assert "no sign of life" in str(ask(status=500))
    assert ask(6.0, 5.0) is None
