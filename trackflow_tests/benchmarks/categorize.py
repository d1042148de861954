"""Places of 10,000 stays from a slow service that fails now and then, against the best possible.

The service is a process of its own, takes 20 ms for an answer and fails every twentieth time; at
most so many requests may be under way at once. So the best possible rate is known: connections /
latency, of which the failures are lost. In a second run it is dead for 10 s in the middle: the
breaker opens, the rest is left for later, and is completed by the same job. In a third run the
process of the job is killed in the middle, and another one goes on. The yardstick is the method
that this follows: four threads and one try, 60 to 80 items a second.

Where the processor is the limit, and not the service, the share of the best possible falls: the
best possible needs the processor time of an item times the rate, in one process. So on a machine
that does other work as well, bare sockets tell what can be reached there: as many threads as there
may be requests at once, each sending the next request as soon as the answer is there, and nothing
else. They run just before and just after.
"""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from trackflow.context import Context, utc_now
from trackflow.places.stays import cell_of
from trackflow.settings import Settings
from trackflow.store.places import addresses
from trackflow.usecases.jobs.control import resume_job
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.places.addressing import (
    AddressingReport,
    AddressLimits,
    Watcher,
    address_all,
    queue_length,
)
from trackflow_tests.helpers.address_job import killed_job

ITEMS, LATENCY_S, FAIL_EVERY = 10_000, 0.02, 20
BARE_REQUESTS = 3_200
CONNECTIONS = 16
DEAD_S = 10.0
YARDSTICK_PER_S = 80.0

LIMITS = AddressLimits(try_again=timedelta(seconds=2), patience_s=60.0, between_s=1.0)


def run() -> dict[str, float | int]:
    best_per_s = CONNECTIONS / LATENCY_S * (1 - 1 / FAIL_EVERY)
    with _server("--fail-every", str(FAIL_EVERY)) as url:
        bare = [_bare_per_s(url)]
        processor_s = time.process_time()
        report, seconds, in_order = _timed(url, ITEMS)
        processor_s = time.process_time() - processor_s
        bare_per_s = sum([*bare, _bare_per_s(url)]) / 2 * (1 - 1 / FAIL_EVERY)
    dead_after = ITEMS // 4
    with _server("--dead-after", str(dead_after), "--dead-s", str(DEAD_S)) as url:
        broken, broken_s, broken_in_order = _timed(url, ITEMS // 2)
    with _server("--fail-every", str(FAIL_EVERY)) as url:
        before_kill, lost, resumed_s = _killed(url, ITEMS // 2)
    rate = ITEMS / seconds
    return {
        "items": ITEMS,
        "connections": CONNECTIONS,
        "items/s": rate,
        "best possible items/s": best_per_s,
        "share of the best possible": rate / best_per_s,
        "bare sockets items/s": bare_per_s,
        "share of bare sockets": rate / bare_per_s,
        "processor ms/item": processor_s / ITEMS * 1000,
        "share of a processor": processor_s / seconds,
        "times the yardstick (80 items/s)": rate / YARDSTICK_PER_S,
        "answers": report.answered,
        "in the order of the queue": int(in_order),
        "dead for 10 s: items": ITEMS // 2,
        "dead for 10 s: answers": broken.answered,
        "dead for 10 s: degraded for now": broken.deferred,
        "dead for 10 s: in order until it died": int(broken_in_order),
        "dead for 10 s: seconds": broken_s,
        "dead for 10 s: seconds without that": (ITEMS // 2) / best_per_s,
        "killed: items": ITEMS // 2,
        "killed: answers stored before": before_kill,
        "killed: without an answer after another run": lost,
        "killed: seconds of that run": resumed_s,
    }


def _bare_per_s(url: str) -> float:
    """Requests a second of bare sockets, one for each connection that there may be."""
    port = int(url.rpartition(":")[2])

    def ask(_: int) -> None:
        request = b"GET /reverse?lat=50.0&lon=10.0 HTTP/1.1\r\nHost: x\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port)) as stream:
            for _ in range(BARE_REQUESTS // CONNECTIONS):
                stream.sendall(request)
                assert stream.recv(65_536)

    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(ask, range(CONNECTIONS)))
    return BARE_REQUESTS / (time.perf_counter() - started)


@contextmanager
def _server(*options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "trackflow_tests.helpers.place_server"]
    latency = ["--latency-s", str(LATENCY_S)]
    with subprocess.Popen([*command, *latency, *options], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def _timed(url: str, items: int) -> tuple[AddressingReport, float, bool]:
    """The report, the seconds, and whether the first answers are those of the first items."""
    with _queued(url, items) as (context, cells):
        stored: list[int] = []
        started = time.perf_counter()
        report = address_all(context, Watcher(keep=lambda _, count: stored.append(count)), LIMITS)
        seconds = time.perf_counter() - started
        with context.store.read() as connection:
            rows = addresses.read(connection, cells)
        ordered = sorted(cells)
        assert len(rows) == items
        found = [rows[cell].found_at for cell in ordered]
        first = [at for at in found[: stored[0]] if at is not None]
        return report, seconds, first == sorted(first)


def _killed(url: str, items: int) -> tuple[int, int, float]:
    """Answers before the kill, items without one after another run, and the seconds of that."""
    with _queued(url, items) as (context, _):
        job = queue_job(context, "address_stays", {})
        half = items // 2
        killed_job(
            job.job_id,
            context.settings.home,
            url,
            CONNECTIONS,
            lambda: queue_length(context) <= half,
        )
        before = items - queue_length(context)
        resume_job(context, job.job_id)
        context.clock = _later  # its heartbeat has stopped
        started = time.perf_counter()
        run_job(context, job.job_id)
        return before, queue_length(context), time.perf_counter() - started


def _later() -> datetime:
    return utc_now() + timedelta(minutes=10)


@contextmanager
def _queued(url: str, items: int) -> Iterator[tuple[Context, list[str]]]:
    """A store in which so many addresses are due, and their cells."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            engine_url="none",
            geocoder_url=url,
            geocoder_per_s=100_000.0,
            geocoder_connections=CONNECTIONS,
        )
        with Context.open(settings, utc_now) as context:
            cells = [cell_of(-60 + k * 0.01, 50.0) for k in range(items)]
            with context.store.write() as connection:
                addresses.want(connection, cells, "none", utc_now())
            yield context, cells
