"""A few devices that drive for some days, as CSV files, for tests of the definitions."""

import csv
import datetime as dt
import math
from pathlib import Path

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.intake.importing import import_paths

FIRST_DAY = dt.date(2026, 3, 2)
HELSINKI = (24.94, 60.17)


def write_drives(
    path: Path, days: int = 3, devices: int = 3, first: dt.date = FIRST_DAY, points: int = 240
) -> Path:
    """One CSV file: each device drives a round each morning, a point every 15 s."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["device_id", "timestamp", "longitude", "latitude"])
        for device in range(devices):
            for day in range(days):
                start = dt.datetime.combine(first, dt.time(8), dt.UTC) + dt.timedelta(days=day)
                for k in range(points):
                    angle = 2 * math.pi * (k / points + day / 7 + device / devices)
                    radius = 0.004 * (1 + device)
                    moment = start + dt.timedelta(seconds=15 * k)
                    lon = HELSINKI[0] + 2 * radius * math.cos(angle)
                    lat = HELSINKI[1] + radius * math.sin(angle)
                    writer.writerow(
                        [f"van-{device}", moment.isoformat(), f"{lon:.7f}", f"{lat:.7f}"]
                    )
    return path


def import_drives(home: Path, path: Path) -> None:
    """Put a file into the store of a home folder."""
    with Context.open(Settings(home=home)) as trackflow_context:
        report = import_paths(trackflow_context, [path])
        assert not report.errors, report.errors
