"""Scale: a fleet's points in PostgreSQL, and a tenth of them: what grows, and how.

`scale POINTS [DEVICES]`: 5 million points of 1,000 devices without. Each device reports every 5 s
while it drives, two hours a day; so there are as many days as the points need. The first and the
last day are CSV files in the order in which a live service gets points (by time, devices in turn),
imported as by `trackflow import`; those between are copies of the first one, made by SQL. Then the
middle day is processed as by `trackflow run`, with no road engine:
cleaning, cuts, tracks; and each window of it gets a line of the length that real ones have. What is
made of that day is copied to all other days, so that reads find tables of the full size.
Reads are the use cases behind the map and the API, in this process, of other devices and days each
time, and in turn in both databases: so their ratio does not depend on what else the machine does.
PostgreSQL has its default settings. Processor seconds are those of all processes that work for the
store, the server included: unlike rates, they hardly depend on what else the machine does.
"""

import datetime as dt
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
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
from trackflow.store.tables import cached_polylines, gps_points, metadata, processing_batches
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
from trackflow_tests.helpers import postgres

FIRST = dt.date(2026, 1, 20)
EVERY_S, HOURS_A_DAY = 5, 2
POINTS_A_DAY = HOURS_A_DAY * 3600 // EVERY_S
"""Of a device: two drives of an hour."""

DRIVES = (8, 17)
"""The hours at which they begin."""

REQUESTS, TOWN = 200, 50

MADE = ("segments", "cached_polylines", "tracks", "day_ledgers")
DISK = ("gps_points", *MADE, "processing_batches")

type Figures = dict[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Fleet:
    """A store with the points of a fleet.

    Attributes:
        context: the store.
        server: the folder of PostgreSQL's data.
        name: what it is called in figures.
        days: how many.
        devices: how many.
    """

    context: Context
    server: Path
    name: str
    days: int
    devices: int

    def processor_s(self) -> float:
        """Processor time of this process, its ended children and the server so far."""
        server = sum(_processor_s(self.server.joinpath("postmaster.pid")))
        return sum(os.times()[:4]) + server

    @property
    def middle(self) -> dt.date:
        """The day that is processed."""
        return FIRST + (self.days // 2) * ONE_DAY


def run(points: int = 5_000_000, devices: int = 1_000) -> Figures:
    days = max(1, round(points / devices / POINTS_A_DAY))
    figures: Figures = {"devices": devices}
    with (
        tempfile.TemporaryDirectory() as folder,
        postgresql_url(Path(folder)) as url,
        _opened(Path(folder), url, "tenth", max(1, round(days / 10)), devices) as tenth,
        _opened(Path(folder), url, "whole", days, devices) as whole,
    ):
        for fleet in (tenth, whole):
            figures |= _import(fleet, Path(folder))
            figures |= _rebuild(fleet)
            _add_lines(fleet)
            _copy_to_other_days(fleet)
        figures |= _read(tenth, whole)
        figures |= _disk(tenth) | _disk(whole)
    return figures


@contextmanager
def _opened(folder: Path, url: str, name: str, days: int, devices: int) -> Iterator[Fleet]:
    server = sa.make_url(url)
    postgres.execute(server, f"CREATE DATABASE {name}")
    settings = Settings(
        home=folder / name,
        database_url=server.set(database=name).render_as_string(hide_password=False),
        engine_url="none",
        workers=2,
    )
    with Context.open(settings) as context:
        yield Fleet(context, folder / "cluster", name, days, devices)


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


def _import(fleet: Fleet, folder: Path) -> Figures:
    rates, spent = [], []
    for k in range(fleet.days):
        if 0 < k < fleet.days - 1:
            with fleet.context.store.write() as connection:
                for table in (gps_points, processing_batches):
                    _copy(connection, table, FIRST, k)
            continue
        file = folder / f"{k}.csv"
        count = write_day(file, FIRST + k * ONE_DAY, fleet.devices)
        cpu_s, started = fleet.processor_s(), time.perf_counter()
        report = import_paths(fleet.context, [file])
        took_s = time.perf_counter() - started
        spent.append((fleet.processor_s() - cpu_s) / count * 1e6)
        assert report.accepted.added == count, report
        file.unlink()
        rates.append(count / took_s)
        _say(f"{fleet.name}: day {k + 1} of {fleet.days}, {rates[-1]:,.0f} points/s")
    return {
        f"{fleet.name}: days": fleet.days,
        f"{fleet.name}: points": fleet.days * fleet.devices * POINTS_A_DAY,
        f"{fleet.name}: first day imported, points/s": rates[0],
        f"{fleet.name}: last day imported, points/s": rates[-1],
        f"{fleet.name}: first day imported, processor s per million points": spent[0],
        f"{fleet.name}: last day imported, processor s per million points": spent[-1],
        f"{fleet.name}: memory at most so far (the making of files too), MB": _peak_mb(),
    }


def _rebuild(fleet: Fleet) -> Figures:
    cpu_s, started = fleet.processor_s(), time.perf_counter()
    report = process(fleet.context, mode=RunMode.BULK, first=fleet.middle, last=fleet.middle)
    assert not report.problems, report.problems
    took_s = time.perf_counter() - started
    _say(f"{fleet.name}: a day processed in {took_s:.1f} s")
    return {
        f"{fleet.name}: a day of all devices rebuilt in, s": took_s,
        f"{fleet.name}: a day of all devices rebuilt, processor s": fleet.processor_s() - cpu_s,
    }


def _add_lines(fleet: Fleet) -> None:
    """Lines as matching makes them of a day, past the pipeline."""
    day = fleet.middle
    lines = [line_of(VERTICES, seed) for seed in range(500)]
    rows = (
        (
            _device(k), start, start + WINDOW, day, lines[(k + w) % 500], False, 0.9, 1.0, VERTICES,
            60, 1.5, os.urandom(16).hex(), os.urandom(MATCH_BYTES), start,
        )
        for w, start in enumerate(_windows(day))
        for k in range(fleet.devices)
    )  # fmt: skip
    with fleet.context.store.write() as connection:
        months.make(connection, cached_polylines, [day.replace(day=1)])
    copy(fleet.context.store, cached_polylines, LINE_COLUMNS, rows)


def _windows(day: dt.date) -> list[dt.datetime]:
    a_drive = HOURS_A_DAY * 3600 // len(DRIVES) // int(WINDOW.total_seconds())
    return [
        midnight(day) + dt.timedelta(hours=hour) + k * WINDOW
        for hour in DRIVES
        for k in range(a_drive)
    ]


def _copy_to_other_days(fleet: Fleet) -> None:
    """Give every day what was made of one, so that the tables have their full size."""
    context, day = fleet.context, fleet.middle
    for k in range(fleet.days):
        offset = (FIRST + k * ONE_DAY - day).days
        if offset:
            with context.store.write() as connection:
                for name in MADE:
                    _copy(connection, metadata.tables[name], day, offset)
    with context.store.write() as connection:
        connection.execute(sa.text("UPDATE processing_batches SET status = 'completed', "
            "segmented_generation = generation, matched_generation = generation, "
            "tracked_generation = generation, pending_since = NULL"))  # fmt: skip
    _say(f"{fleet.name}: all days copied")
    with context.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.execute(sa.text("VACUUM ANALYZE"))


def _copy(connection: sa.Connection, table: sa.Table, day: dt.date, offset: int) -> None:
    def moved(column: "sa.Column[object]") -> str:
        if column.name == "track_id":
            return "gen_random_uuid()"
        if column.name in ("day", "start_time", "end_time", "recorded_at"):
            more = f"{offset}" if column.name == "day" else f"interval '{24 * offset} hours'"
            return f"{column.name} + {more}"
        return column.name

    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(moved(column) for column in table.columns)
    time = "recorded_at" if table is gps_points else "start_time"
    mine = "day = :day" if "day" in table.c else f"{time} >= :start AND {time} < :end"
    given = {"day": day} if "day" in table.c else {
        "start": midnight(day), "end": midnight(day + ONE_DAY)
    }  # fmt: skip
    if table in months.PARTITIONED:
        months.make(connection, table, [(day + offset * ONE_DAY).replace(day=1)])
    query = f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {mine}"
    connection.execute(sa.text(query), given)


def _questions(fleet: Fleet) -> dict[str, tuple[int, Callable[[], object]]]:
    """What is asked how often; two fleets are asked for the same devices and boxes."""
    pick, context = random.Random(1), fleet.context

    def when() -> TimeRange:
        start = midnight(FIRST + pick.randrange(fleet.days) * ONE_DAY)
        return TimeRange(start, start + ONE_DAY)

    def some(count: int) -> list[str]:
        return [_device(k) for k in pick.sample(range(fleet.devices), min(count, fleet.devices))]

    def tracks(ids: list[str] | None, bbox: Bbox | None) -> object:
        return read_tracks(context, TrackSelection(ids, when(), bbox, "matched", 500, None))

    def box() -> Bbox:
        west, south = pick.uniform(24.3, 25.3), pick.uniform(59.9, 60.4)
        return Bbox(west, south, west + 0.1, south + 0.05)

    def points() -> object:
        asked = when()
        with context.store.read() as connection:
            return read_points(connection, *some(1), to_us(asked.start), to_us(asked.end))

    return {
        "points of a device's day": (REQUESTS, points),
        "lines of a device's day": (REQUESTS, lambda: cached_paths(context, some(1), when())),
        f"lines of {TOWN} devices' day": (
            REQUESTS // 3,
            lambda: cached_paths(context, some(TOWN), when()),
        ),
        "tracks of a device's day": (REQUESTS, lambda: tracks(some(1), None)),
        "tracks of a day in a box": (REQUESTS, lambda: tracks(None, box())),
        "last positions of all devices": (REQUESTS // 3, lambda: list_devices(context)),
    }


def _read(tenth: Fleet, whole: Fleet) -> Figures:
    figures: Figures = {}
    of_tenth, of_whole = _questions(tenth), _questions(whole)
    for what, (count, _) in of_tenth.items():
        both = [(_ms(of_tenth[what][1]), _ms(of_whole[what][1])) for _ in range(count)]
        for share in (50, 95):
            few, many = (float(np.percentile(times, share)) for times in zip(*both, strict=True))
            figures[f"{what}, p{share}, ms, tenth"] = few
            figures[f"{what}, p{share}, ms, whole"] = many
            figures[f"{what}, p{share}, ratio (1.3)"] = many / few
    return figures


def _ms(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1e3


def _disk(fleet: Fleet) -> Figures:
    sizes = sa.text(
        "SELECT sum(pg_table_size(relid)) AS rows, sum(pg_indexes_size(relid)) AS keys "
        "FROM (SELECT CAST(:name AS regclass) AS relid "
        "UNION SELECT relid FROM pg_partition_tree(CAST(:name AS regclass)))"
    )
    figures: Figures = {}
    with fleet.context.store.read() as connection:
        points = connection.scalar(sa.text("SELECT count(*) FROM gps_points"))
        assert points
        for name in DISK:
            row = connection.execute(sizes, {"name": name}).one()
            for what, size in (("rows", row.rows), ("indexes", row.keys)):
                figures[f"{fleet.name}: {name}, {what}, MB per million points"] = (
                    float(size) / points
                )
        whole = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
        figures[f"{fleet.name}: all on disk, MB per million points"] = float(whole or 0) / points
        parts = sa.text("SELECT count(*) FROM pg_partition_tree('gps_points') WHERE isleaf")
        figures[f"{fleet.name}: partitions of gps_points"] = connection.scalar(parts) or 0
    return figures


def _processor_s(pid_file: Path) -> Iterator[float]:
    server = psutil.Process(int(pid_file.read_text().split()[0]))
    for one in (server, *server.children()):
        with suppress(psutil.NoSuchProcess):
            yield sum(one.cpu_times()[: 4 if one == server else 2])  # its ended children too


def _say(text: str) -> None:
    print(f"{dt.datetime.now(dt.UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
