"""Single reports through the whole of docker/compose.yaml: TLS, proxy, API, PgBouncer, PostgreSQL.

Every service runs with the command and the variables of that file, on this machine. OwnTracks
messages of a town of 1,000 devices come by 50 kept connections. First with one process of the API,
then with two, in turn; the processors that each part takes are measured beside. Then both again
with the API's processes held to a fifth of a core each, as Docker holds them by `cpus`: that shows
whether the processes hinder each other, where the machine has too few cores to show it. Then
reports come at half of the rate of two, while a backfill runs and 50 people look at the map; each
part has its `cpu_shares`. At last a process of the API and then PostgreSQL are killed amid reports:
every accepted one must be stored.
"""

import asyncio
import datetime as dt
import os
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import psycopg

from trackflow_tests.benchmarks.ingest import DEVICES, FIRST, single
from trackflow_tests.benchmarks.senders import (
    Load,
    Server,
    as_fast_as_possible,
    at_rate,
    request,
)
from trackflow_tests.helpers.compose import compose_file
from trackflow_tests.helpers.topology import (
    DOMAIN,
    Topology,
    marked_processes,
    topology,
    trusting,
)

VARIABLES = {
    "TRACKFLOW_DOMAIN": DOMAIN,
    "TRACKFLOW_TLS": "internal",
    "TRACKFLOW_ENGINE_URL": "none",  # the backfill shares two cores with all else as it is
    "POSTGRES_PASSWORD": "benchmark",
    "TRACKFLOW_MESH_TOKEN": "benchmark-of-the-whole-topology-1",
    "TRACKFLOW_MESH_SECRET": "whsec_YmVuY2htYXJrIG9mIHRoZSB3aG9sZSB0b3BvbG9neQ==",
}
NEEDED = ("postgres", "pgbouncer", "api-1", "api-2")
PARTS = (*NEEDED, "proxy")
CONNECTIONS, READERS = 50, 50
ROUNDS, ROUND_S, WARM_S, STEADY_S = 3, 5.0, 3.0, 20.0
SHARE = 0.2
READER_EVERY_S = 10.0
HISTORY_DAYS, HISTORY_DEVICES = 60, 20
KILL_AFTER, AMID_S = 500, 15.0

CGROUPS = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 100_000

type Figures = dict[str, float | int | str]


def run() -> Figures:
    with topology(VARIABLES, {"TRACKFLOW_WORKERS": "1"}) as made:
        made.up("migration")
        given = made.run("migration", "trackflow", "token", "create", "load", "--scope", "admin")
        secret = given.stdout.strip()
        made.up(*NEEDED)
        made.start("proxy")
        made.wait_for("proxy", "service_healthy")
        sender = _Sender(made, secret)
        figures, rate = _rates(made, sender)
        figures |= _held_rates(made, sender)
        figures |= _beside_others(made, sender, rate / 2)
        return figures | _killed(made, sender)


class _Sender:
    """Sends reports to the proxy by TLS; no report twice."""

    def __init__(self, made: Topology, secret: str) -> None:
        self.server = Server(8443, made.addresses["proxy"], trusting(made), DOMAIN)
        self._secret = secret
        self._next = iter(range(0, 1_000_000_000, 1_000_000))

    def report(self, k: int) -> bytes:
        return request("/ingest/owntracks", single(k), self._secret, host=DOMAIN)

    def view(self, k: int) -> bytes:
        """What the map asks for: the lines of some devices in the last day."""
        path = f"/api/v1/tracks?device=town/bus-{k % DEVICES}&limit=1000&simplify_m=20"
        return request(path, b"", self._secret, method="GET", host=DOMAIN)

    def first(self) -> int:
        return next(self._next)

    def as_fast_as_possible(self, seconds: float) -> Load:
        return asyncio.run(
            as_fast_as_possible(
                self.server,
                self.report,
                connections=CONNECTIONS,
                seconds=seconds,
                first=self.first(),
            )
        )


def _rates(made: Topology, sender: _Sender) -> tuple[Figures, float]:
    """Rates with one and with two processes in turn, and what each part takes of the processors."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    taken: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    sender.as_fast_as_possible(WARM_S)
    for _ in range(ROUNDS):
        for processes in (1, 2):
            _have(made, processes)
            sender.as_fast_as_possible(WARM_S)
            before = _cpu_s(made)
            load = sender.as_fast_as_possible(ROUND_S)
            after = _cpu_s(made)
            assert not load.failed + load.broken, load
            rates[processes].append(load.rate)
            taken[processes].append({p: (after[p] - before[p]) / load.seconds for p in after})
    figures: Figures = {"processors of this machine": os.cpu_count() or 1}
    for processes in (1, 2):
        figures[f"reports per s, {processes} API"] = _median(rates[processes])
    figures["two to one"] = _median([b / a for a, b in zip(rates[1], rates[2], strict=True)])
    for part in taken[2][0]:
        figures[f"processors that it takes with two: {part}"] = _median(
            [one[part] for one in taken[2]]
        )
    return figures, _median(rates[2])


def _held_rates(made: Topology, sender: _Sender) -> Figures:
    """Rates with each process of the API held to a share of a core."""
    if not _has_groups():
        return {"held to a share": "not measured: needs root and cgroups of the first version"}
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for processes in (1, 2):
            _have(made, processes)
            with _held(made, [f"api-{k + 1}" for k in range(processes)]):
                sender.as_fast_as_possible(WARM_S)
                rates[processes].append(sender.as_fast_as_possible(ROUND_S).rate)
    return {
        f"held to {SHARE} cores each: reports per s, 1 API": _median(rates[1]),
        f"held to {SHARE} cores each: reports per s, 2 API": _median(rates[2]),
        f"held to {SHARE} cores each: two to one": _median(
            [b / a for a, b in zip(rates[1], rates[2], strict=True)]
        ),
    }


@contextmanager
def _held(made: Topology, names: Sequence[str]) -> Iterator[None]:
    with ExitStack() as groups:
        for name in names:
            limits = {"cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": round(PERIOD_US * SHARE)}
            groups.enter_context(_grouped(name, marked_processes(made, name), limits))
        yield


def _weigh(made: Topology, backfill: int, groups: ExitStack) -> None:
    """Give each part its share of scarce processors, as compose.yaml says; a backfill is a run."""
    if not _has_groups():
        return
    parts = {
        name: [*pids, *(c for pid in pids for c in _children(pid))]
        for name in PARTS
        for pids in [marked_processes(made, name)]
    }
    for name, pids in {**parts, "code": [backfill]}.items():
        shares = compose_file()["services"][name].get("cpu_shares", 1024)
        groups.enter_context(_grouped(name, pids, {"cpu.shares": shares}))


def _has_groups() -> bool:
    return os.geteuid() == 0 and os.access(CGROUPS, os.W_OK)


@contextmanager
def _grouped(name: str, pids: Sequence[int], limits: Mapping[str, int]) -> Iterator[None]:
    """Hold processes to the limits of a control group, as Docker does; their children too."""
    folder = CGROUPS / f"trackflow-{os.getpid()}-{name}"
    folder.mkdir()
    for file, value in limits.items():
        (folder / file).write_text(str(value))
    for pid in pids:
        (folder / "cgroup.procs").write_text(str(pid))
    try:
        yield
    finally:
        while left := (folder / "cgroup.procs").read_text().split():
            for pid in left:
                with suppress(ProcessLookupError):  # it has just ended
                    (CGROUPS / "cgroup.procs").write_text(pid)
        folder.rmdir()


def _have(made: Topology, processes: int) -> None:
    if processes == 1:
        made.stop("api-2")
    else:
        made.up("api-2")


def _cpu_s(made: Topology) -> dict[str, float]:
    """Seconds of processor that each part and this sender have taken so far."""

    def taken(pids: Sequence[int]) -> float:
        ticks = 0
        for pid in (*pids, *(child for parent in pids for child in _children(parent))):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    found = {part: taken(marked_processes(made, part)) for part in PARTS}
    return found | {"sender": process_time()}


def _children(pid: int) -> list[int]:
    """Those of PostgreSQL write their titles over their variables, by which others are found."""
    return [int(k) for k in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _beside_others(made: Topology, sender: _Sender, rate: float) -> Figures:
    """Reports at a steady rate, while a backfill runs and people look at the map."""
    _have(made, 2)
    _import_history(made)
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    command = ("trackflow", "run", "--to", yesterday.isoformat())
    before = _points_waiting(made)
    with ExitStack() as running:
        backfill = running.enter_context(made.running("migration", *command))
        _weigh(made, backfill.pid, running)
        reports, views = asyncio.run(_reports_and_views(sender, rate))
        was_busy = backfill.poll() is None
    after = _points_waiting(made)
    assert not reports.failed + reports.broken + views.failed + views.broken
    return {
        "beside a backfill and 50 readers: reports per s": reports.rate,
        **{
            f"beside a backfill and 50 readers: report, p{share}, ms": _ms(reports, share)
            for share in (50, 95, 99)
        },
        "beside a backfill and 50 readers: view of the map, p95, ms": _ms(views, 95),
        "beside a backfill and 50 readers: views per s": views.rate,
        "the backfill was busy until the end": str(was_busy),
        "device-days that it did meanwhile": before - after,
    }


async def _reports_and_views(sender: _Sender, rate: float) -> tuple[Load, Load]:
    def steady(
        make: Callable[[int], bytes], per_s: float, connections: int
    ) -> Coroutine[Any, Any, Load]:
        return at_rate(
            sender.server,
            make,
            per_second=per_s,
            connections=connections,
            seconds=STEADY_S,
            first=sender.first(),
        )

    return await asyncio.gather(
        steady(sender.report, rate, CONNECTIONS),
        steady(sender.view, READERS / READER_EVERY_S, READERS),
    )


def _import_history(made: Topology) -> None:
    """Two months of a fleet that nobody has worked on yet."""
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=HISTORY_DAYS + 2)
    path = made.folder / "history.csv"
    with path.open("w") as file:
        file.write("device_id,timestamp,longitude,latitude\n")
        for device in range(HISTORY_DEVICES):
            for day in range(HISTORY_DAYS):
                for k in range(720):
                    at = start + dt.timedelta(days=day, seconds=k * 10)
                    place = f"{24.9 + k * 1e-4:.6f},{60.1 + device / 100}"
                    file.write(f"van-{device},{at.isoformat()},{place}\n")
    done = made.run("migration", "trackflow", "import", str(path))
    assert done.returncode == 0, done.stderr


def _points_waiting(made: Topology) -> int:
    with _database(made) as connection:
        query = "SELECT count(*) FROM processing_batches WHERE status = 'pending'"
        (count,) = connection.execute(query).fetchone() or (0,)
        return int(count)


def _killed(made: Topology, sender: _Sender) -> Figures:
    """A process of the API and PostgreSQL killed amid reports: what was accepted is stored."""
    _have(made, 2)
    figures: Figures = {}
    for name in ("api-1", "postgres"):
        load = asyncio.run(_kill_amid_reports(made, sender, name))
        stored = _stored(made)
        missing = [k for k in load.answered if _key(k) not in stored]
        figures |= {
            f"{name} killed: accepted": len(load.answered),
            f"{name} killed: refused with an error": load.failed,
            f"{name} killed: broken": load.broken,
            f"{name} killed: accepted and not stored": len(missing),
        }
    return figures


async def _kill_amid_reports(made: Topology, sender: _Sender, name: str) -> Load:
    """Kill a part and start it again; reports go on meanwhile, and a second time afterwards."""
    load = Load()

    def send(seconds: float) -> Coroutine[Any, Any, Load]:
        return as_fast_as_possible(
            sender.server,
            sender.report,
            connections=CONNECTIONS,
            seconds=seconds,
            first=sender.first(),
            load=load,
        )

    sending = asyncio.create_task(send(AMID_S))
    while len(load.answered) < KILL_AFTER and not sending.done():
        await asyncio.sleep(0.02)
    assert not sending.done(), load
    await asyncio.to_thread(made.kill, name)
    await asyncio.to_thread(made.up, name)
    await sending
    before = len(load.answered)
    while len(load.answered) == before:  # a pool may take a second to notice
        await send(WARM_S)
    return load


def _key(k: int) -> tuple[str, int]:
    return f"town/bus-{k % DEVICES}", FIRST + k // DEVICES * 5


def _stored(made: Topology) -> set[tuple[str, int]]:
    with _database(made) as connection:
        query = (
            "SELECT device_id, extract(epoch FROM recorded_at)::bigint FROM gps_points "
            "WHERE device_id LIKE 'town/bus-%'"
        )
        return {(device, int(at)) for device, at in connection.execute(query)}


@contextmanager
def _database(made: Topology) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        host=made.addresses["postgres"],
        user="trackflow",
        password=VARIABLES["POSTGRES_PASSWORD"],
        dbname="trackflow",
    ) as connection:
        yield connection


def _median(values: Sequence[float]) -> float:
    return float(np.median(values))


def _ms(load: Load, share: int) -> float:
    return float(np.percentile(load.latencies_s, share)) * 1e3
