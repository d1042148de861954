"""Histories for the benchmark of the map page, written into the real tables as the pipeline would.

A person of ten years lives in three countries one after another: a day has a few drives between
places that are often visited, and some that are not. A fleet drives in one town for a month.
"""

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.points import Floats
from trackflow.store.days import overviews
from trackflow.store.tables import devices, tracks
from trackflow.tracks.merging import track_id

HOMES = ((24.94, 60.17), (9.52, 47.14), (1.52, 42.51))
"""Helsinki, Vaduz, Andorra la Vella."""

LAST = dt.date(2026, 11, 27)
STEP_M = 80.0
SPEED_MS = 11.0


def person(context: Context, count: int = 12_000, points: int = 167, years: int = 10) -> None:
    """A person's tracks: `count` of them with so many points each."""
    rng = np.random.default_rng(7)
    days = years * 365
    first = LAST - dt.timedelta(days=days - 1)
    rows = []
    for k in range(count):
        day = first + dt.timedelta(days=k * days // count)
        home = HOMES[k * len(HOMES) // count]
        route = int(rng.zipf(1.6)) % 400
        line = _route(home, route, points)
        hour = 7 + 3 * (k % 4)
        rows.append(_row("phone", day, hour, line[::-1] if k % 2 else line))
    _write(context, ["phone"], rows)


def fleet(context: Context, vehicles: int = 1000, days: int = 30, points: int = 120) -> None:
    """A month of a fleet: four tracks of each vehicle on each day."""
    rng = np.random.default_rng(8)
    routes = [_route((24.94, 60.25), k, points) for k in range(3000)]
    first = LAST - dt.timedelta(days=days - 1)
    names = [f"vehicle {k:04}" for k in range(vehicles)]
    rows = (
        _row(name, first + dt.timedelta(days=day), 6 + 4 * k, routes[int(rng.integers(3000))])
        for name in names
        for day in range(days)
        for k in range(4)
    )
    _write(context, names, rows)


def _route(home: tuple[float, float], number: int, points: int) -> Floats:
    """A way from home as streets have it: straight for a while, then a turn. Always the same."""
    rng = np.random.default_rng((round(home[0] * 100), number))
    blocks = -(-points // 8)
    turns = rng.choice([0.0, 0.0, math.pi / 2, -math.pi / 2], blocks)
    heading = rng.uniform(0, 2 * math.pi) + np.repeat(np.cumsum(turns), 8)[:points]
    heading += rng.normal(0, 0.05, points)
    north, east = (STEP_M * np.cumsum(turn(heading)) for turn in (np.cos, np.sin))
    lat = home[1] + north / 111_195
    return np.column_stack([home[0] + east / (111_195 * math.cos(math.radians(home[1]))), lat])


def _row(device_id: str, day: dt.date, hour: int, line: Floats) -> dict[str, Any]:
    start = dt.datetime(day.year, day.month, day.day, hour, tzinfo=dt.UTC)
    length_m = STEP_M * (len(line) - 1)
    end = start + dt.timedelta(seconds=length_m / SPEED_MS)
    encoded = polylines.encode(line[:, 0].tolist(), line[:, 1].tolist())
    return {
        "track_id": track_id(device_id, int(start.timestamp() * 1e6)),
        "device_id": device_id, "start_time": start, "end_time": end,
        "began": "stop", "ended": "stop",
        "distance_m": length_m, "raw_distance_m": length_m, "unobserved_m": 0.0,
        "duration_s": length_m / SPEED_MS, "average_speed_kmh": 40.0, "max_speed_kmh": 60.0,
        "point_count": len(line), "segment_count": 1,
        "raw_polyline": encoded, "matched_polyline": encoded, "matched_share": 1.0,
        "west": float(line[:, 0].min()), "south": float(line[:, 1].min()),
        "east": float(line[:, 0].max()), "north": float(line[:, 1].max()),
        "content_hash": "", "updated_at": end,
    }  # fmt: skip


def _write(context: Context, names: Iterable[str], rows: Iterable[dict[str, Any]]) -> None:
    with context.store.write() as connection:
        now = dt.datetime.now(dt.UTC)
        known = [{"device_id": name, "thresholds": {}, "created_at": now} for name in names]
        connection.execute(sa.insert(devices), known)
        some: list[dict[str, Any]] = []
        for row in rows:
            some.append(row)
            if len(some) == 2000:
                connection.execute(sa.insert(tracks), some)
                some = []
        if some:
            connection.execute(sa.insert(tracks), some)
        overviews.fill_missing(connection)
