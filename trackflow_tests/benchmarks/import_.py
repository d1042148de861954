"""Import: points per second from a CSV file to SQLite, through the whole door.

Compared with the bare minimum on the same rows: Python's csv reader and one `executemany` into a
table of the same columns and key, with no checks, no devices and no work marked.
"""

import csv
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.intake.importing import import_paths

DEVICES = 50
START_S = 1_767_225_600


def run(points: int = 1_000_000) -> dict[str, float | int | str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fleet.csv"
        write_fleet(file, points)
        started = time.perf_counter()
        bare = _bare(file, Path(folder) / "bare.db")
        bare_s = time.perf_counter() - started
        with Context.open(Settings(home=Path(folder) / "home")) as context:
            started = time.perf_counter()
            report = import_paths(context, [file])
            import_s = time.perf_counter() - started
            started = time.perf_counter()
            again = import_paths(context, [file])
            again_s = time.perf_counter() - started
    assert report.accepted.added == bare == points, report
    assert again.accepted.added == 0, again
    return {
        "points": points,
        "imported, points/s": points / import_s,
        "imported again (nothing added), points/s": points / again_s,
        "csv and executemany alone, points/s": points / bare_s,
        "ratio of import to that": bare_s / import_s,
    }


def write_fleet(file: Path, points: int) -> None:
    """A fleet's file: devices in turn, a point of each every 5 s, as trackers log them."""
    rng = np.random.default_rng(1)
    each = points // DEVICES
    times = np.datetime64(START_S, "s") + np.arange(each) * np.timedelta64(5, "s")
    stamps = np.datetime_as_string(times, timezone="UTC")
    lon = 24.94 + np.cumsum(rng.normal(0, 1e-4, (DEVICES, each)), axis=1)
    lat = 60.17 + np.cumsum(rng.normal(0, 1e-4, (DEVICES, each)), axis=1)
    with file.open("w") as out:
        out.write("device_id,recorded_at,latitude,longitude,accuracy_m,speed_ms\n")
        for k in range(each):
            out.writelines(
                f"van-{d:02},{stamps[k]},{lat[d, k]:.6f},{lon[d, k]:.6f},5,10\n"
                for d in range(DEVICES)
            )


def _bare(file: Path, database: Path) -> int:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(
        "CREATE TABLE p (device TEXT, time TEXT, lat REAL, lon REAL, accuracy REAL, speed REAL, "
        "PRIMARY KEY (device, time)) WITHOUT ROWID"
    )
    with file.open() as rows, connection:
        reader = csv.reader(rows)
        next(reader)
        connection.executemany("INSERT INTO p VALUES (?, ?, ?, ?, ?, ?)", reader)
    count = connection.execute("SELECT count(*) FROM p").fetchone()[0]
    connection.close()
    return int(count)
