"""Histories for the benchmark of the map page, written into the real tables as the pipeline would.

A person of ten years lives in three countries one after another: a day has a few drives between
places that are often visited, and some that are not. A fleet drives in one town for a month.
Whatever many tracks share (lines and their overviews) is made once; points are copied by SQL.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import batched
from typing import Any

import numpy as np
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.overviews import mark_of, overview_of
from trackflow.geo.points import Floats
from trackflow.geo.time import ONE_DAY, midnight, to_us
from trackflow.store.categories.tables import legs
from trackflow.store.days import overviews
from trackflow.store.places.tables import stays
from trackflow.store.tables import devices, processing_batches, track_overviews, tracks
from trackflow.tracks.merging import track_id

type Row = dict[str, Any]

HOMES = ((24.94, 60.17), (9.52, 47.14), (7.42, 43.735))
"""Helsinki, Vaduz, Monaco."""

LAST = dt.date(2026, 11, 27)
STEP_M = 80.0
SPEED_MS = 11.0
STEP_US = int(STEP_M / SPEED_MS * 1e6)
WALK = dt.timedelta(minutes=4)
"""How the last part of every third track is travelled."""

MOST_ROWS = 5000
"""Per statement."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A way that tracks take again and again.

    Attributes:
        number: among all.
        line: longitude and latitude of each point.
        encoded: the same.
        overview: of the line.
    """

    number: int
    line: Floats
    encoded: str
    overview: str


@dataclass(frozen=True, slots=True)
class Trip:
    """A track to be: which way a device goes, from when on."""

    device_id: str
    start: dt.datetime
    route: Route

    @property
    def end(self) -> dt.datetime:
        """When it is over."""
        return self.start + (len(self.route.line) - 1) * dt.timedelta(microseconds=STEP_US)


def person(context: Context, count: int = 12_000, points: int = 167, years: int = 10) -> None:
    """A person's tracks: `count` of them with so many points each."""
    rng = np.random.default_rng(7)
    days = years * 365
    first = LAST - dt.timedelta(days=days - 1)
    trips = []
    for k in range(count):
        # a route and its way back lie side by side
        number = 2 * (int(rng.zipf(1.6)) % 400 + 400 * (k * len(HOMES) // count)) + k % 2
        start = midnight(first + dt.timedelta(days=k * days // count))
        route = _route(number, points, HOMES[k * len(HOMES) // count])
        trips.append(Trip("phone", start + dt.timedelta(hours=7 + 3 * (k % 4)), route))
    _write(context, trips, with_points_from=first)


def fleet(context: Context, vehicles: int = 1000, days: int = 30, points: int = 120) -> None:
    """A month of a fleet: four tracks of each vehicle on each day; points of the last day only."""
    rng = np.random.default_rng(8)
    first = midnight(LAST - dt.timedelta(days=days - 1))
    trips = [
        Trip(
            f"vehicle {name:04}",
            first + dt.timedelta(days=day, hours=6 + 4 * k),
            _route(2 * int(rng.integers(3000)), points, (24.94, 60.25)),
        )
        for name in range(vehicles)
        for day in range(days)
        for k in range(4)
    ]
    _write(context, trips, with_points_from=LAST)


@cache
def _route(number: int, points: int, home: tuple[float, float]) -> Route:
    """A way from home as streets have it: straight for a while, then a turn. Odd ones lead back."""
    if number % 2:
        line = _route(number - 1, points, home).line[::-1]
    else:
        rng = np.random.default_rng((round(home[0] * 100), number))
        blocks = -(-points // 8)
        turns = rng.choice([0.0, 0.0, math.pi / 2, -math.pi / 2], blocks)
        heading = rng.uniform(0, 2 * math.pi) + np.repeat(np.cumsum(turns), 8)[:points]
        heading += rng.normal(0, 0.05, points)
        north, east = (STEP_M * np.cumsum(turn(heading)) for turn in (np.cos, np.sin))
        lat = home[1] + north / 111_195
        lon = home[0] + east / (111_195 * math.cos(math.radians(home[1])))
        line = np.column_stack([lon, lat])
    encoded = polylines.encode(line[:, 0].tolist(), line[:, 1].tolist())
    return Route(number, line, encoded, overview_of(encoded))


def _write(context: Context, trips: Sequence[Trip], with_points_from: dt.date) -> None:
    now = midnight(LAST + ONE_DAY)
    with context.store.write() as connection:
        names = dict.fromkeys(trip.device_id for trip in trips)
        known = ({"device_id": name, "thresholds": {}, "created_at": now} for name in names)
        _insert(connection, devices, known)
        rows = [_track(trip) for trip in trips]
        _insert(connection, tracks, rows)
        _insert(connection, track_overviews, map(_overview, rows, trips))
        _insert(connection, legs, (leg for k, trip in enumerate(trips) for leg in _legs(k, trip)))
        _insert(connection, stays, map(_stay, trips))
        days = dict.fromkeys((trip.device_id, trip.start.date()) for trip in trips)
        _insert(connection, processing_batches, (_batch(*day, now) for day in days))
        _copy_points(connection, [t for t in trips if t.start.date() >= with_points_from])


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Row]) -> None:
    for some in batched(rows, MOST_ROWS):
        connection.execute(sa.insert(table), list(some))


def _track(trip: Trip) -> Row:
    line, encoded = trip.route.line, trip.route.encoded
    length_m, duration_s = STEP_M * (len(line) - 1), (trip.end - trip.start).total_seconds()
    (west, south), (east, north) = line.min(axis=0).tolist(), line.max(axis=0).tolist()
    return {
        "track_id": track_id(trip.device_id, to_us(trip.start)),
        "device_id": trip.device_id, "start_time": trip.start, "end_time": trip.end,
        "began": "stop", "ended": "stop",
        "distance_m": length_m, "raw_distance_m": length_m, "unobserved_m": 0.0,
        "duration_s": duration_s, "average_speed_kmh": 40.0, "max_speed_kmh": 60.0,
        "idle_ms": 30_000, "point_count": len(line), "segment_count": 1,
        "raw_polyline": encoded, "matched_polyline": encoded, "matched_share": 1.0,
        "west": west, "south": south, "east": east, "north": north,
        "content_hash": "", "updated_at": trip.end,
    }  # fmt: skip


def _overview(track: Row, trip: Trip) -> Row:
    line = trip.route.overview
    row = {name: track[name] for name in overviews.COPIED}
    return {**row, "line": line, "mark": mark_of(track["track_id"], line)}


def _legs(number: int, trip: Trip) -> Iterator[Row]:
    edges = [trip.start, *([] if number % 3 else [trip.end - WALK]), trip.end]
    for start, end, mode in zip(edges, edges[1:], ("driving", "walking"), strict=False):
        yield {
            "device_id": trip.device_id, "start_time": start, "end_time": end, "mode": mode,
            "probability": 0.9, "distance_m": (end - start).total_seconds() * SPEED_MS,
            "decided_by": "model", "evidence": {},
        }  # fmt: skip


def _stay(trip: Trip) -> Row:
    lon, lat = trip.route.line[-1].tolist()
    return {
        "device_id": trip.device_id, "start_time": trip.end,
        "end_time": trip.end + dt.timedelta(hours=2), "longitude": lon, "latitude": lat,
        "cell": f"{lon:.3f},{lat:.3f}",
    }  # fmt: skip


def _batch(device_id: str, day: dt.date, now: dt.datetime) -> Row:
    done = {f"{stage}_generation": 1 for stage in ("segmented", "matched", "tracked")}
    times = {"created_at": now, "updated_at": now}
    return {"device_id": device_id, "day": day, "status": "completed", **done, **times}


def _copy_points(connection: sa.Connection, trips: Sequence[Trip]) -> None:
    """The points of trips, from those of their routes: of SQLite's tables."""
    run = connection.exec_driver_sql
    run("CREATE TEMP TABLE way (route, k, lon, lat, PRIMARY KEY (route, k)) WITHOUT ROWID")
    run("CREATE TEMP TABLE trip (device_id, start, route)")
    ways = {trip.route.number: trip.route.line.tolist() for trip in trips}
    places = [(n, k, *place) for n, line in ways.items() for k, place in enumerate(line)]
    run("INSERT INTO way VALUES (?, ?, ?, ?)", places)
    run(
        "INSERT INTO trip VALUES (?, ?, ?)",
        [(trip.device_id, to_us(trip.start), trip.route.number) for trip in trips],
    )
    run(
        "INSERT INTO gps_points (device_id, recorded_at, longitude, latitude, accuracy_m, speed_ms,"
        " source, received_seq) SELECT device_id, start + k * ?, lon, lat, 5, ?, 'benchmark', 1"
        " FROM trip JOIN way USING (route) ORDER BY 1, 2",
        (STEP_US, SPEED_MS),
    )
    run("DROP TABLE way")
    run("DROP TABLE trip")
