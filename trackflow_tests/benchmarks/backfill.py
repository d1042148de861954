"""Backfill: 365 days of 5 devices in one run, matching included; memory over the number of days.

Each device drives two hours a day and is parked in between. The same is done with a tenth of the
days, in a process of its own like the whole: time should grow with the days, memory should not.
"""

import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import SimulatedDevice, simulate_fleet
from trackflow.geo.points import Points
from trackflow.settings import Settings
from trackflow.usecases.days.run import run as run_stages
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.roads.networks import build

DEVICES, DAYS = 5, 365
FIRST_DAY = dt.date(2025, 1, 1)
DRIVING_US = 2 * 3_600_000_000
DAY_US = 86_400_000_000


def run() -> dict[str, float | int | str]:
    few, many = _measure(DAYS // 10), _measure(DAYS)
    return {
        "devices": DEVICES,
        "days": DAYS,
        "points": many["points"],
        "windows": many["windows"],
        "tracks": many["tracks"],
        "one run, s": many["seconds"],
        "device-days/s": DEVICES * DAYS / many["seconds"],
        "share of the time that matching takes": many["matching_s"] / many["seconds"],
        f"peak memory of {DAYS // 10} days, MB": few["peak_mb"],
        f"peak memory of {DAYS} days, MB": many["peak_mb"],
        "ratio of memory, ten times the days": many["peak_mb"] / few["peak_mb"],
    }


def _measure(days: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        with Context.open(Settings(home=Path(folder))) as context:
            _prepare(context, days)
        child = [sys.executable, "-m", __name__, folder]
        measured: dict[str, float] = json.loads(subprocess.check_output(child))
        return measured


def _prepare(context: Context, days: int) -> None:
    """A year of points: one simulated day of each device, repeated on every day."""
    network, _ = build(context, helsinki_extract(), "car")
    fleet = simulate_fleet(
        context.engine("car"), network.bbox, vehicles=DEVICES + 3, days=1, first_day=FIRST_DAY
    )
    year = [_repeated(device, days) for device in fleet[3:]]  # the first three drive by night
    import_paths(context, write_csv(year, context.settings.home / "reported").regular)


def _repeated(device: SimulatedDevice, days: int) -> SimulatedDevice:
    first = int(device.routes[0].start_us)
    morning = device.reported.between(first, first + DRIVING_US)
    parts = [
        Points.of(morning.time_us + k * DAY_US, morning.lon, morning.lat, morning.accuracy_m)
        for k in range(days)
    ]
    reported = Points.concat(parts)
    order = np.argsort(reported.time_us, kind="stable")
    return SimulatedDevice(device.device_id, device.name, reported[order], device.routes, False)


def _child(home: Path) -> None:
    started = time.perf_counter()
    with Context.open(Settings(home=home)) as context:
        report = run_stages(context)
    seconds = time.perf_counter() - started
    assert not report.problems, report.problems
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    figures = {
        "seconds": seconds,
        "matching_s": report["matched"].seconds,
        "points": report["segmented"].total("points"),
        "windows": report["matched"].total("windows"),
        "tracks": report["tracked"].total("tracks"),
        "peak_mb": max(own, workers) / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
