"""Reports as devices send them, beside a bare FastAPI route that inserts and commits.

The API and the bare route run in turn in a process of their own, both on the same core and on the
same database, and are sent the same bodies over kept connections, from the other core: single
OwnTracks messages of a town of 1,000 devices by 50 connections, and Overland batches of 1,000
points by 8. They take turns in short rounds, and the median of the rounds' ratios counts: what else
the machine does hits both, and some rounds more than others. Then single reports are sent to each
at half of the bare route's rate, and to the API beside bodies of 190,000 positions of as many
devices, or of as many days, or all bad. At last the API is killed in the middle and started again:
every report that was answered must be stored.
"""

import asyncio
import datetime as dt
import functools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.points import Floats
from trackflow.settings import Settings
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.store.tables import gps_points
from trackflow_tests.benchmarks.api import postgresql_url
from trackflow_tests.benchmarks.senders import Load, as_fast_as_possible, at_rate, request

FIRST = 1_780_000_000
FIRST_DAY = dt.date(2026, 5, 29)
DEVICES = 1_000
CONNECTIONS, BATCH_CONNECTIONS = 50, 8
CORES = sorted(os.sched_getaffinity(0))
ROUNDS, ROUND_S, WARM_S = 9, 1.0, 2.0
STEADY_ROUNDS, STEADY_S = 3, 3.0
HOSTILE_POSITIONS = 190_000
BESIDE_PER_S = 100.0
KILL_AFTER = 500

type Figures = dict[str, float | int | str]


def run() -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        figures = _measure("SQLite", Settings(home=Path(folder) / "sqlite"))
        with postgresql_url(Path(folder)) as url:
            settings = Settings(home=Path(folder) / "postgresql", database_url=url)
            figures |= _measure("PostgreSQL", settings)
    return figures


def _measure(name: str, settings: Settings) -> Figures:
    with Context.open(settings) as context, context.store.write() as connection:
        now = dt.datetime.now(dt.UTC)
        secret, _ = tokens.create(connection, "benchmark", Scope.INGEST, None, now)
    figures: Figures = {}
    with _on_last_core(), _server(_bare(settings)) as bare, _server(_api(settings)) as api:
        for what, path, make, connections in (
            ("single reports", "/ingest/owntracks", single, CONNECTIONS),
            ("batches of 1,000", "/ingest/overland", batch, BATCH_CONNECTIONS),
        ):
            figures |= _rates(what, bare, api, path, secret, make, connections)
        rate = float(figures["single reports per s, bare route"]) / 2
        figures |= _latencies(bare, api, secret, rate)
    with _on_last_core():
        for what, body in hostile_bodies().items():
            figures |= _beside(what, settings, secret, body)
    figures |= killed_while_sending(settings, secret)
    return {f"{name}: {what}": figure for what, figure in figures.items()}


def single(k: int) -> bytes:
    """An OwnTracks message of one of the town's devices."""
    return (
        b'{"_type":"location","lat":60.1%03d,"lon":24.9%03d,"tst":%d,"acc":8,"vel":36,'
        b'"topic":"owntracks/town/bus-%d"}'
        % (k % 997, k % 991, FIRST + k // DEVICES * 5, k % DEVICES)
    )


def batch(k: int) -> bytes:
    """An hour and a half of one of fifty vans on a day of its own, as Overland sends it."""
    day = FIRST_DAY - dt.timedelta(days=k // 50)
    return _BATCH.replace(b"2000-01-01", day.isoformat().encode()).replace(
        b"van-", b"van-%d" % (k % 50)
    )


_BATCH = orjson.dumps(
    {
        "locations": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [24.9 + k * 1e-5, 60.1 + k * 1e-5]},
                "properties": {
                    "timestamp": f"2000-01-01T{dt.timedelta(seconds=36_000 + 5 * k)}Z",
                    "horizontal_accuracy": 8,
                    "speed": 10,
                    "device_id": "van-",
                },
            }
            for k in range(1_000)
        ]
    }
)


def hostile_bodies() -> dict[str, bytes]:
    """Bodies of one request that mean much work."""

    def body(tst: Callable[[int], int], tid: Callable[[int], str], lat: object = 60.1) -> bytes:
        return orjson.dumps(
            [
                {"_type": "location", "lat": lat, "lon": 24.9, "tst": tst(k), "tid": tid(k)}
                for k in range(HOSTILE_POSITIONS)
            ]
        )

    return {
        "as many devices": body(lambda _: FIRST, lambda k: f"hostile-{k}"),
        "as many hours": body(lambda k: FIRST - k * 3600, lambda _: "hostile"),
        "bad ones": body(lambda k: FIRST + k, lambda _: "hostile", "north"),
    }


def _rates(
    what: str,
    bare: "_Process",
    api: "_Process",
    path: str,
    secret: str,
    make: Callable[[int], bytes],
    connections: int,
) -> Figures:
    """Rates of the API and of the bare route, round by round in turn.

    Args:
        what: is sent.
        bare: runs the bare route.
        api: runs the API.
        path: of the API.
        secret: a token for it.
        make: gives the bodies.
        connections: how many at once.
    """

    def load(process: _Process, path: str, secret: str, seconds: float) -> Load:
        return asyncio.run(
            as_fast_as_possible(
                process.port,
                lambda k: request(path, make(k), secret),
                connections=connections,
                seconds=seconds,
                first=next(_firsts) // (1 if make is single else 1_000),
            )
        )

    rates: dict[str, list[float]] = {"bare route": [], "API": []}
    cpu_ms: dict[str, list[float]] = {"bare route": [], "API": []}
    for k in range(ROUNDS + 1):
        for name, process, where, token in (
            ("bare route", bare, "/", ""),
            ("API", api, path, secret),
        ):
            before = process.cpu_s()
            found = load(process, where, token, ROUND_S if k else WARM_S)
            assert not found.failed + found.broken
            if k:  # the first round loads what is loaded late
                rates[name].append(found.rate)
                cpu_ms[name].append((process.cpu_s() - before) / len(found.answered) * 1e3)
    ratios = np.array(rates["API"]) / rates["bare route"]
    return {
        f"{what} per s, bare route": _median(rates["bare route"]),
        f"{what} per s, API": _median(rates["API"]),
        f"{what}: rate, API to bare route": _median(ratios),
        f"{what}: rate, API to bare route, lowest round": float(ratios.min()),
        f"{what}: processor, ms each, bare route": _median(cpu_ms["bare route"]),
        f"{what}: processor, ms each, API": _median(cpu_ms["API"]),
    }


def _latencies(bare: "_Process", api: "_Process", secret: str, rate: float) -> Figures:
    """Of single reports at a steady rate, in turn: medians of the rounds.

    Args:
        bare: runs the bare route.
        api: runs the API.
        secret: a token for it.
        rate: reports per second.
    """
    found: dict[str, list[Load]] = {"bare route": [], "API": []}
    for _ in range(STEADY_ROUNDS):
        for name, process, path, token in (
            ("bare route", bare, "/", ""),
            ("API", api, "/ingest/owntracks", secret),
        ):
            make = functools.partial(_single_request, path, token)
            load = asyncio.run(
                at_rate(
                    process.port,
                    make,
                    per_second=rate,
                    connections=CONNECTIONS,
                    seconds=STEADY_S,
                    first=next(_firsts),
                )
            )
            assert not load.failed + load.broken
            found[name].append(load)
    return {
        f"single reports at half of the bare route's rate, {name}, p{share}, ms": _median(
            [_ms(load, share) for load in loads]
        )
        for name, loads in found.items()
        for share in (50, 95)
    }


def _single_request(path: str, secret: str, k: int) -> bytes:
    return request(path, single(k), secret)


def _beside(what: str, settings: Settings, secret: str, body: bytes) -> Figures:
    """Single reports while a large body is on its way."""
    with _server(_api(settings)) as api:
        make = lambda k: request("/ingest/owntracks", single(k), secret)  # noqa: E731
        asyncio.run(
            as_fast_as_possible(api.port, make, connections=5, seconds=WARM_S, first=next(_firsts))
        )
        before_mb = api.peak_mb()
        found, took_s = asyncio.run(
            _send_beside(api.port, make, request("/ingest/owntracks", body, secret))
        )
        assert not found.failed + found.broken
        return {
            f"{HOSTILE_POSITIONS:,} positions, {what}: until answered, s": took_s,
            f"{HOSTILE_POSITIONS:,} positions, {what}: single reports beside, p99, ms": _ms(
                found, 99
            ),
            f"{HOSTILE_POSITIONS:,} positions, {what}: memory before, MB": before_mb,
            f"{HOSTILE_POSITIONS:,} positions, {what}: peak memory, MB": api.peak_mb(),
        }


async def _send_beside(port: int, make: Callable[[int], bytes], large: bytes) -> tuple[Load, float]:
    sending = asyncio.create_task(
        as_fast_as_possible(port, lambda _: large, connections=1, seconds=0)
    )
    total = Load()
    while not sending.done():
        one = await at_rate(
            port, make, per_second=BESIDE_PER_S, connections=20, seconds=0.5, first=next(_firsts)
        )
        total.latencies_s += one.latencies_s
        total.failed += one.failed
        total.broken += one.broken
    answer = await sending
    assert len(answer.answered) == 1
    return total, answer.seconds


def killed_while_sending(settings: Settings, secret: str) -> Figures:
    """The API killed while it is sent reports, twice: what it has answered is stored."""
    answered: list[int] = []
    broken = 0
    for _ in range(2):
        with _server(_api(settings)) as api:
            load = asyncio.run(_load_and_kill(api, secret))
        answered += load.answered
        broken += load.broken
    with Context.open(settings) as context, context.store.read() as connection:
        p = gps_points.c
        rows = connection.execute(
            sa.select(p.device_id, p.recorded_at).where(p.device_id.like("town/bus-%"))
        )
        stored = {(row.device_id, int(row.recorded_at.timestamp())) for row in rows}
    missing = [
        k for k in answered if (f"town/bus-{k % DEVICES}", FIRST + k // DEVICES * 5) not in stored
    ]
    return {
        "killed twice: reports answered": len(answered),
        "killed twice: on their way when it was killed": broken,
        "killed twice: answered and not stored": len(missing),
    }


async def _load_and_kill(api: "_Process", secret: str) -> Load:
    load = Load()
    sending = asyncio.create_task(
        as_fast_as_possible(
            api.port,
            lambda k: request("/ingest/owntracks", single(k), secret),
            connections=CONNECTIONS,
            seconds=600,
            first=next(_firsts),
            load=load,
        )
    )
    while len(load.answered) < KILL_AFTER:
        await asyncio.sleep(0.01)
    api.kill()
    return await sending


def _numbers() -> Iterator[int]:
    """First numbers of requests, so far apart that nothing is sent twice."""
    yield from range(0, 1_000_000_000, 100_000)


_firsts = _numbers()


def _median(values: Sequence[float] | Floats) -> float:
    return float(np.median(values))


def _ms(load: Load, share: int) -> float:
    return float(np.percentile(load.latencies_s, share)) * 1e3


class _Process:
    """A server in a process of its own, on the first core; this process takes another."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process = subprocess.Popen(
            [sys.executable, *command, str(self.port)], env=os.environ | variables
        )
        os.sched_setaffinity(self._process.pid, CORES[:1])

    def wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError("the server did not start")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)


@contextmanager
def _on_last_core() -> Iterator[None]:
    """Keeps this process away from the core of the servers that it sends to."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES[-1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


type _Command = tuple[list[str], dict[str, str]]


def _api(settings: Settings) -> _Command:
    variables = {
        "TRACKFLOW_HOME": str(settings.home),
        "TRACKFLOW_DATABASE_URL": settings.database_url,
    }
    return ["-m", "trackflow_tests.benchmarks.api"], variables


def _bare(settings: Settings) -> _Command:
    where = settings.database_url.replace("+psycopg", "") or str(settings.home / "trackflow.db")
    return ["-m", "trackflow_tests.benchmarks.bare_route", where], {}


@contextmanager
def _server(command: _Command) -> Iterator[_Process]:
    process = _Process(*command)
    try:
        process.wait()
        yield process
    finally:
        process.close()
