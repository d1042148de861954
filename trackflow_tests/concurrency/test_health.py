"""How programs are, asked over real HTTP."""

import json
import socket

import pytest

from trackflow.concurrency import health
from trackflow.concurrency.health import DaemonHeartbeat, unanswered
from trackflow_tests.matching.servers import answering, server_that


@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_any_answer_is_one(status: int) -> None:
    with server_that(answering(status, b"x")) as (url, _):
        assert unanswered(url, 30) is None


def test_silence_and_a_shut_port_are_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert unanswered(url, 0.2) == "it did not answer within 0.2 s"
    assert unanswered(url, 0.2) == "it did not answer within 0.2 s"


def test_a_daemon_is_missed_once_its_heartbeats_stay_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(heartbeat: DaemonHeartbeat, *times: float | None) -> str | None:
        told = [{"lastHeartbeatTime": time} for time in times]
        body = {"data": {"instance": {"daemonHealth": {"allDaemonStatuses": told}}}}
        sent = answering(200, json.dumps(body).encode(), Content_Type="application/json")
        with server_that(sent) as (url, _):
            heartbeat._url = url
            return heartbeat.problem(30)

    heartbeat = DaemonHeartbeat("")
    heartbeat.begin()
    assert ask(heartbeat, None, None) is None, "it has only just started"
    assert ask(heartbeat, 5.0, None) is None
    monkeypatch.setattr(health, "HEARTBEAT_LIMIT_S", 0.0)
    assert "no sign of life" in str(ask(heartbeat, 5.0, None))
    monkeypatch.setattr(health, "HEARTBEAT_LIMIT_S", 300.0)
    assert ask(heartbeat, 5.0, None) is None
    with server_that(answering(500, b"busy")) as (url, _):
        heartbeat._url = url
        assert heartbeat.problem(30) is None, "no news is no silence yet"
        monkeypatch.setattr(health, "HEARTBEAT_LIMIT_S", 0.0)
        assert "no sign of life" in str(heartbeat.problem(30))
