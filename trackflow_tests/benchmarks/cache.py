"""Cache: how many windows are served without a new match, and how much room their lines take.

Twenty simulated vehicles drive two hours on each of three days; their windows are matched for real.
Then the work is repeated (`--mode bulk`), one late point arrives for every device and day, and each
device reports ten more minutes. A window counts as matched anew when the engine is asked about it.

For the size, the rows of one day are stored again for 100 devices and 30 days, in a database of
their own: a tenth of 1,000 devices that drive two hours a day. What is stored of a window does not
depend on the others, so ten times as many take ten times the room.
"""

import datetime as dt
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.demo.fleet import SimulatedDevice, simulate_fleet
from trackflow.geo.points import Points
from trackflow.matching.match import match_window
from trackflow.settings import Settings
from trackflow.store.database import Store
from trackflow.store.roads import polylines
from trackflow.store.tables import cached_polylines
from trackflow.usecases.days.run import RunMode
from trackflow.usecases.days.run import run as run_stages
from trackflow.usecases.roads import matching
from trackflow.usecases.roads.networks import build
from trackflow_tests.benchmarks.api import LINE_COLUMNS, copy, make_months, postgresql_url
from trackflow_tests.helpers.stores import batch_of_device, deliver

VEHICLES, DAYS = 20, 3
FIRST_DAY = dt.date(2026, 1, 5)
DAY_US = 86_400_000_000
DRIVING_US = 2 * 3_600_000_000
MORE_US = 600_000_000

COPIES = 100, 30
"""Devices and days: a tenth of what has to fit."""
SCALE = 10


def run() -> dict[str, float | int | str]:
    with tempfile.TemporaryDirectory() as folder:
        with Context.open(Settings(home=Path(folder) / "real", workers=1)) as context:
            figures = _shares(context)
            day = _a_day(context.store)
        with Context.open(Settings(home=Path(folder) / "sqlite")) as context:
            figures |= _size("SQLite", context.store, day)
        with postgresql_url(Path(folder)) as url:
            settings = Settings(home=Path(folder) / "postgresql", database_url=url)
            with Context.open(settings) as context:
                figures |= _size("PostgreSQL", context.store, day)
    return figures


def _shares(context: Context) -> dict[str, float | int | str]:
    network, _ = build(context, helsinki_extract(), "car")
    fleet = simulate_fleet(
        context.engine("car"), network.bbox, vehicles=VEHICLES + 3, days=1, first_day=FIRST_DAY
    )[3:]  # the first three drive by night
    journeys = {device.device_id: _journey(device) for device in fleet}
    late = {name: np.isin(j.time_us, _late(j)) for name, j in journeys.items()}
    until_us = {name: int(j.time_us[-1]) - MORE_US for name, j in journeys.items()}
    _deliver(context, {n: j[~late[n] & (j.time_us < until_us[n])] for n, j in journeys.items()})
    first = _run(context, RunMode.INCREMENTAL)
    again = _run(context, RunMode.BULK)
    _deliver(context, {n: j[late[n] & (j.time_us < until_us[n])] for n, j in journeys.items()})
    points = _run(context, RunMode.INCREMENTAL)
    _deliver(context, {n: j[j.time_us >= until_us[n]] for n, j in journeys.items()})
    more = _run(context, RunMode.INCREMENTAL)
    stored = _count(context.store)
    return {
        "windows": stored,
        "matched at first": first,
        "served without a new match, repeated": 1 - again / stored,
        "served without a new match, after ten more minutes of each": 1 - more / stored,
        "windows matched anew for a late point": points / (VEHICLES * DAYS),
    }


def _journey(device: SimulatedDevice) -> Points:
    """A device's first two hours of driving, on each day."""
    begin = int(device.routes[0].start_us)
    drive = device.reported.between(begin, begin + DRIVING_US)
    days = [
        Points.of(drive.time_us + k * DAY_US, drive.lon, drive.lat, drive.accuracy_m)
        for k in range(DAYS)
    ]
    return Points.concat(days)


def _late(journey: Points) -> Any:
    """One point of each day, from its middle."""
    each = len(journey) // DAYS
    return journey.time_us[each // 2 :: each]


def _deliver(context: Context, found: dict[str, Points]) -> None:
    for name, points in found.items():
        if len(points):
            deliver(context.store, batch_of_device(name, points))


def _run(context: Context, mode: RunMode) -> int:
    """How many windows the engine was asked about."""
    with patch.object(matching, "match_window", side_effect=match_window) as asked:
        report = run_stages(context, mode=mode)
    assert not report.problems, report.problems
    return asked.call_count


def _count(store: Store) -> int:
    with store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(cached_polylines)) or 0


def _a_day(store: Store) -> list[list[dict[str, Any]]]:
    """The rows of each device on the first day."""
    c = cached_polylines.c
    with store.read() as connection:
        rows = connection.execute(
            sa.select(cached_polylines)
            .where(c.day == FIRST_DAY)
            .order_by(c.device_id, c.start_time)
        ).mappings()
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            found.setdefault(row["device_id"], []).append(dict(row))
    return list(found.values())


def _size(name: str, store: Store, day: list[list[dict[str, Any]]]) -> dict[str, float | int | str]:
    devices, days = COPIES
    make_months(store, FIRST_DAY - dt.timedelta(days=1), days + 2)
    empty_mb = _bytes(store) / 1e6
    copy(store, cached_polylines, LINE_COLUMNS, _copies(day))
    windows = _count(store)
    full_mb = _bytes(store) / 1e6 - empty_mb
    driven_h = sum((r["end_time"] - r["start_time"]).total_seconds() for d in day for r in d) / 3600
    # as if every vehicle had driven for two hours to the second
    wanted = 2 * len(day) / driven_h
    span = FIRST_DAY, FIRST_DAY + dt.timedelta(days=days)
    now = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    with store.write() as connection:
        polylines.note_read(connection, {f"vehicle-{k:03}": span for k in range(devices)}, now, now)
    read_mb = _bytes(store) / 1e6 - empty_mb
    return {
        f"{name}: windows stored": windows,
        f"{name}: bytes of a window, indexes included": full_mb * 1e6 / windows,
        f"{name}: 1,000 devices, 30 days, 2 h a day, MB": full_mb * SCALE * wanted,
        f"{name}: the same after all was read once, MB": read_mb * SCALE * wanted,
    }


def _copies(day: list[list[dict[str, Any]]]) -> Iterator[tuple[Any, ...]]:
    devices, days = COPIES
    for k in range(days):
        shift = dt.timedelta(days=k)
        for device in range(devices):
            for row in day[device % len(day)]:
                changed = row | {
                    "device_id": f"vehicle-{device:03}",
                    "start_time": row["start_time"] + shift,
                    "end_time": row["end_time"] + shift,
                    "created_at": row["created_at"] + shift,
                    "day": row["day"] + shift,
                    "input_hash": secrets.token_hex(len(row["input_hash"]) // 2),
                }
                yield tuple(changed[name] for name in LINE_COLUMNS)


def _bytes(store: Store) -> int:
    """What the database takes on disk; on PostgreSQL, the table's months with their indexes."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if store.is_postgresql:
            connection.exec_driver_sql("VACUUM cached_polylines")
            size = connection.scalar(
                sa.text(
                    "SELECT sum(pg_total_relation_size(relid)) "
                    "FROM pg_partition_tree('cached_polylines')"
                )
            )
            return int(size)
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(str(store.engine.url.database)).stat().st_size
