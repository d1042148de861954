"""Figures of meshes: the queue, the sums, StatsD by a real socket, and the usage of a month."""

import datetime as dt
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.notifications.statsd import MOST_BYTES, Figure, _packets, send
from trackflow.store.meshes.meshes import MeshStatus
from trackflow.usecases.meshes.figures import figures_of, waiting_s
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.usage import usage_of
from trackflow.web.routes.metrics import MeshCollector
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.helpers.waiting import PATIENCE_S
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(PATIENCE_S)
        yield opened


@pytest.fixture
def context(
    database_url: str, tmp_path: Path, clock: Clock, server: socket.socket
) -> Iterator[Context]:
    with open_context(
        database_url, tmp_path, clock, statsd=server.getsockname(), mesh_workers=1
    ) as opened:
        yield opened


def received(server: socket.socket, until: str) -> list[str]:
    lines: list[str] = []
    while not any(line.startswith(until) for line in lines):
        lines += server.recv(MOST_BYTES).decode().split("\n")
    return lines


def test_every_end_and_the_queue_are_sent(
    context: Context, clock: Clock, server: socket.socket
) -> None:
    for seed, project in ((1, "harbour"), (2, None)):
        request_mesh(context, MeshRequest(image=hills(seed), name=f"{seed}.png", project=project))
    request_mesh(context, MeshRequest(image=b"bad", name="bad.png", project="harbour"))
    clock.advance(90)
    figures = figures_of(context)
    assert figures.by_status == {MeshStatus.QUEUED: 3}
    assert waiting_s(context, figures) == 90
    assert (figures.images, figures.stored_bytes, figures.totals) == (3, 0, {})

    run_due_meshes(context, TroubledGenerator())
    lines = received(server, "trackflow.meshes.queue_age_seconds")
    assert lines.count("trackflow.meshes.completed:1|c") == 2
    assert lines.count("trackflow.meshes.failed:1|c") == 1
    assert "trackflow.meshes.failures.image:1|c" in lines
    assert "trackflow.meshes.status.completed:2|g" in lines
    assert "trackflow.meshes.status.queued:0|g" in lines
    assert sum(line.startswith("trackflow.meshes.seconds:") for line in lines) == 2

    figures = figures_of(context)
    assert figures.by_status == {MeshStatus.COMPLETED: 2, MeshStatus.FAILED: 1}
    assert figures.totals["completed"].meshes == 2
    assert figures.totals["completed"].size_bytes == figures.stored_bytes > 0
    assert figures.totals["image"].meshes == 1
    assert waiting_s(context, figures) == 0

    registry = CollectorRegistry()
    registry.register(MeshCollector(context))
    text = generate_latest(registry).decode()
    assert 'trackflow_meshes{status="completed"} 2.0' in text
    assert 'trackflow_meshes{status="queued"} 0.0' in text
    assert 'trackflow_meshes_ended_total{outcome="image"} 1.0' in text
    assert f"trackflow_mesh_stored_bytes {float(figures.stored_bytes)}" in text


def test_the_usage_of_a_month_is_summed_by_project(context: Context, clock: Clock) -> None:
    clock.time = dt.datetime(2026, 5, 31, 23, 0, tzinfo=dt.UTC)
    for seed, project in ((1, "b"), (2, None), (3, "b")):
        request_mesh(context, MeshRequest(image=hills(seed), name=f"{seed}.png", project=project))
    trouble = TroubledGenerator({"3.png": lambda: BadInputError("bad")})
    run_due_meshes(context, trouble)
    clock.advance(2 * 3600)
    request_mesh(context, MeshRequest(image=hills(4), name="4.png", project="b"))
    run_due_meshes(context, trouble)

    may = usage_of(context, dt.date(2026, 5, 17))
    assert [(p.project, p.meshes, p.failures) for p in may.projects] == [
        ("(none)", 1, {}),
        ("b", 1, {"image": 1}),
    ]
    assert may.total.meshes == 2
    assert may.total.size_bytes == sum(p.size_bytes for p in may.projects) > 0
    assert "| b | 1 | " in may.to_markdown()
    june = usage_of(context, dt.date(2026, 6, 1))
    assert [(p.project, p.meshes) for p in june.projects] == [("b", 1)]
    assert usage_of(context, dt.date(2025, 1, 1)).projects == []


def test_a_server_that_is_away_is_no_fault() -> None:
    send(("127.0.0.1", 9), [Figure("a", 1, "c")])
    send(("no-such-host.invalid", 8125), [Figure("a", 1, "c")])
    send(None, [Figure("a", 1, "c")])


FIGURES = st.lists(
    st.builds(
        Figure,
        st.text(min_size=1, max_size=30),
        st.floats(0, 1e12) | st.integers(0, 10**9),
        st.sampled_from(["c", "g", "ms"]),
    ),
    max_size=200,
)


@given(FIGURES)
def test_packets_hold_all_figures_and_fit(figures: list[Figure]) -> None:
    packets = _packets(figures)
    assert all(len(packet) <= MOST_BYTES for packet in packets)
    lines = [line for packet in packets for line in packet.decode().split("\n")]
    assert lines == [figure.line for figure in figures]
    for line, figure in zip(lines, figures, strict=True):
        name, _, rest = line.partition(":")
        value, _, kind = rest.partition("|")
        assert name.startswith("trackflow.")
        assert float(value) == pytest.approx(figure.value, rel=1e-12)
        assert kind == figure.kind
