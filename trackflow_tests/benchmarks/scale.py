"""Scale: a fleet's points in PostgreSQL: import, a day's rebuild, reads, memory and disk.

`scale POINTS [DEVICES]`: 5 million points of 1,000 devices without. Each device reports every 5 s
while it drives, two hours a day; so there are as many days as the points need. Each day is a CSV
file in the order in which a live service gets points (by time, devices in turn), imported as by
`trackflow import`. Then the middle day is processed as by `trackflow run`, with no road engine:
cleaning, cuts, tracks; and each window of it gets a line of the length that real ones have. What it makes of that day is copied to all other days by SQL, so
that reads find tables of the full size. Reads are the use cases behind the map and the API, in this
process, each with other devices and days. PostgreSQL has its default settings.
"""

import datetime as dt
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.bbox import Bbox
from trackflow.geo.time import ONE_DAY, midnight, to_us
from trackflow.settings import Settings
from trackflow.store import months
from trackflow.store.intake.points import read_points
from trackflow.store.tables import cached_polylines, metadata
from trackflow.usecases.days.run import RunMode
from trackflow.usecases.days.run import run as process
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.queries.devices import list_devices
from trackflow.usecases.queries.lines import TimeRange, cached_paths
from trackflow.usecases.queries.tracks import TrackSelection, read_tracks
from trackflow_tests.benchmarks.api import (
    LINE_COLUMNS,
    MATCH_BYTES,
    VERTICES,
    WINDOW,
    copy,
    line_of,
    postgresql_url,
)

FIRST = dt.date(2026, 1, 20)
EVERY_S, HOURS_A_DAY = 5, 2
POINTS_A_DAY = HOURS_A_DAY * 3600 // EVERY_S
"""Of a device: two drives of an hour."""

DRIVES = (8, 17)
"""The hours at which they begin."""

REQUESTS, TOWN = 300, 50
SHARE = 95

MADE = ("segments", "cached_polylines", "tracks", "day_ledgers")
DISK = ("gps_points", *MADE, "processing_batches")

type Figures = dict[str, float | int | str]


def run(points: int = 5_000_000, devices: int = 1_000) -> Figures:
    days = max(3, round(points / devices / POINTS_A_DAY))
    figures: Figures = {"devices": devices, "days": days}
    with tempfile.TemporaryDirectory() as folder, postgresql_url(Path(folder)) as url:
        settings = Settings(
            home=Path(folder) / "home", database_url=url, engine_url="none", workers=2
        )
        with Context.open(settings) as context:
            figures |= _import(context, Path(folder), days, devices)
            figures |= _rebuild(context, FIRST + (days // 2) * ONE_DAY)
            _add_lines(context, FIRST + (days // 2) * ONE_DAY, devices)
            _copy_to_other_days(context, FIRST + (days // 2) * ONE_DAY, days)
            figures |= _read(context, days, devices)
            figures |= _disk(context)
        figures["memory of this process at its most, MB"] = _peak_mb(resource.RUSAGE_SELF)
        figures["memory of a worker at its most, MB"] = _peak_mb(resource.RUSAGE_CHILDREN)
    return figures


def write_day(file: Path, day: dt.date, devices: int) -> int:
    """A fleet's file of one day, by time and then device; returns the number of points."""
    rng = np.random.default_rng(day.toordinal())
    half = POINTS_A_DAY // len(DRIVES)
    seconds = np.concatenate([hour * 3600 + np.arange(half) * EVERY_S for hour in DRIVES])
    heading = np.cumsum(rng.normal(0, 0.05, (POINTS_A_DAY, devices)), axis=0)
    step = rng.uniform(0.5, 1.0, devices) * 8e-4  # up to 60 km/h
    lat = 60.2 + rng.normal(0, 0.2, devices) + np.cumsum(np.cos(heading) * step * 0.5, axis=0)
    lon = 24.9 + rng.normal(0, 0.4, devices) + np.cumsum(np.sin(heading) * step, axis=0)
    table = pa.table(
        {
            "device_id": np.tile(np.array([_device(k) for k in range(devices)]), POINTS_A_DAY),
            "recorded_at": pc.strftime(
                pa.array(
                    np.repeat(seconds * 1_000_000 + to_us(midnight(day)), devices),
                    pa.timestamp("us", "UTC"),
                ).cast(pa.timestamp("s", "UTC")),
                "%Y-%m-%dT%H:%M:%SZ",
            ),
            "latitude": np.round(lat, 6).ravel(),
            "longitude": np.round(lon, 6).ravel(),
            "accuracy_m": np.full(lat.size, 5),
            "speed_ms": np.full(lat.size, 10),
        }
    )
    pyarrow.csv.write_csv(table, file)
    return lat.size


def _device(k: int) -> str:
    return f"van-{k:05}"


def _import(context: Context, folder: Path, days: int, devices: int) -> Figures:
    rates, total, spent_s = [], 0, 0.0
    for k in range(days):
        file = folder / f"{k}.csv"
        count = write_day(file, FIRST + k * ONE_DAY, devices)
        started = time.perf_counter()
        report = import_paths(context, [file])
        took_s = time.perf_counter() - started
        assert report.accepted.added == count, report
        file.unlink()
        rates.append(count / took_s)
        total, spent_s = total + count, spent_s + took_s
    edge = max(1, days // 5)
    return {
        "points": total,
        "imported, points/s": total / spent_s,
        "imported, first fifth of the days, points/s": float(np.median(rates[:edge])),
        "imported, last fifth of the days, points/s": float(np.median(rates[-edge:])),
    }


def _rebuild(context: Context, day: dt.date) -> Figures:
    started = time.perf_counter()
    report = process(context, mode=RunMode.BULK, first=day, last=day)
    assert not report.problems, report.problems
    return {"a day of all devices rebuilt in, s": time.perf_counter() - started}


def _add_lines(context: Context, day: dt.date, devices: int) -> None:
    """Lines as matching makes them of a day, past the pipeline."""
    lines = [line_of(VERTICES, seed) for seed in range(500)]
    rows = (
        (
            _device(k), start, start + WINDOW, day, lines[(k + w) % 500], False, 0.9, 1.0, VERTICES,
            60, 1.5, os.urandom(16).hex(), os.urandom(MATCH_BYTES), start,
        )
        for w, start in enumerate(_windows(day))
        for k in range(devices)
    )  # fmt: skip
    with context.store.write() as connection:
        months.make(connection, cached_polylines, [day.replace(day=1)])
    copy(context.store, cached_polylines, LINE_COLUMNS, rows)


def _windows(day: dt.date) -> list[dt.datetime]:
    a_drive = HOURS_A_DAY * 3600 // len(DRIVES) // int(WINDOW.total_seconds())
    return [
        midnight(day) + dt.timedelta(hours=hour) + k * WINDOW
        for hour in DRIVES
        for k in range(a_drive)
    ]


def _copy_to_other_days(context: Context, day: dt.date, days: int) -> None:
    """Give every day what was made of one, so that the tables have their full size."""
    for k in range(days):
        offset = (FIRST + k * ONE_DAY - day).days
        if offset:
            with context.store.write() as connection:
                for name in MADE:
                    _copy(connection, metadata.tables[name], day, offset)
    with context.store.write() as connection:
        connection.execute(sa.text("UPDATE processing_batches SET status = 'completed', "
            "segmented_generation = generation, matched_generation = generation, "
            "tracked_generation = generation, pending_since = NULL"))  # fmt: skip
    with context.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(sa.text("VACUUM ANALYZE"))


def _copy(connection: sa.Connection, table: sa.Table, day: dt.date, offset: int) -> None:
    def moved(column: "sa.Column[object]") -> str:
        if column.name == "track_id":
            return "gen_random_uuid()"
        if column.name in ("day", "start_time", "end_time"):
            more = f"{offset}" if column.name == "day" else f"interval '{offset} days'"
            return f"{column.name} + {more}"
        return column.name

    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(moved(column) for column in table.columns)
    mine = "day = :day" if "day" in table.c else "start_time >= :start AND start_time < :end"
    given = {"day": day} if "day" in table.c else {
        "start": midnight(day), "end": midnight(day + ONE_DAY)
    }  # fmt: skip
    if table is cached_polylines:
        months.make(connection, table, [(day + offset * ONE_DAY).replace(day=1)])
    query = f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {mine}"
    connection.execute(sa.text(query), given)


def _read(context: Context, days: int, devices: int) -> Figures:
    pick = random.Random(1)

    def when(length: int = 1) -> TimeRange:
        start = midnight(FIRST + pick.randrange(days - length + 1) * ONE_DAY)
        return TimeRange(start, start + length * ONE_DAY)

    def some(count: int) -> list[str]:
        return [_device(k) for k in pick.sample(range(devices), min(count, devices))]

    def tracks(ids: list[str] | None, bbox: Bbox | None) -> object:
        return read_tracks(context, TrackSelection(ids, when(), bbox, "matched", 500, None))

    def box() -> Bbox:
        west, south = pick.uniform(24.3, 25.3), pick.uniform(59.9, 60.4)
        return Bbox(west, south, west + 0.1, south + 0.05)

    def day_of_points() -> object:
        asked = when()
        with context.store.read() as connection:
            return read_points(connection, *some(1), to_us(asked.start), to_us(asked.end))

    questions: dict[str, tuple[int, Callable[[], object]]] = {
        "points of a device's day": (REQUESTS, day_of_points),
        "lines of a device's day": (REQUESTS, lambda: cached_paths(context, some(1), when())),
        f"lines of {TOWN} devices' day": (
            REQUESTS // 3,
            lambda: cached_paths(context, some(TOWN), when()),
        ),
        "tracks of a device's day": (REQUESTS, lambda: tracks(some(1), None)),
        "tracks of a day in a box": (REQUESTS, lambda: tracks(None, box())),
        "last positions of all devices": (REQUESTS // 10, lambda: list_devices(context)),
    }
    return {
        f"{what}, p{SHARE} in ms": _percentile(count, ask)
        for what, (count, ask) in questions.items()
    }


def _percentile(count: int, ask: Callable[[], object]) -> float:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        ask()
        times.append((time.perf_counter() - started) * 1e3)
    return float(np.percentile(times, SHARE))


def _disk(context: Context) -> Figures:
    sizes = sa.text(
        "SELECT sum(pg_table_size(relid)) AS rows, sum(pg_indexes_size(relid)) AS keys "
        "FROM (SELECT CAST(:name AS regclass) AS relid "
        "UNION SELECT relid FROM pg_partition_tree(CAST(:name AS regclass)))"
    )
    figures: Figures = {}
    with context.store.read() as connection:
        points = connection.scalar(sa.text("SELECT count(*) FROM gps_points"))
        assert points
        for name in DISK:
            row = connection.execute(sizes, {"name": name}).one()
            for what, size in (("rows", row.rows), ("indexes", row.keys)):
                figures[f"disk: {name}, {what}, MB per million points"] = float(size) / points
        whole = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
        figures["disk: all, MB per million points"] = float(whole) / points
        parts = sa.text("SELECT count(*) FROM pg_partition_tree('gps_points') WHERE isleaf")
        figures["partitions of gps_points"] = connection.scalar(parts) or 0
    return figures


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024
