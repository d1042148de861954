"""Drives against one-way streets, for tests and benchmarks."""

import csv
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points
from trackflow.matching.engines.protocol import Engine
from trackflow_tests.helpers.drives import PLACES

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TRACKFLOW_TEST_DATA") or ROOT / "../shared/data")
CASES = SHARED.parent / "cases" / "tracks"
GRID_MAP = CASES / "grid_map.osm.pbf"
"""A town of straight streets, every other one of them one-way."""


def wrong_way_case() -> Points:
    """1.3 km straight against a one-way street of `GRID_MAP`."""
    with (CASES / "wrongway_1hz.csv").open() as file:
        rows = list(csv.DictReader(file))
    times = [dt.datetime.fromisoformat(row["recorded_at"]).timestamp() for row in rows]
    return Points.of(
        np.rint(np.array(times) * 1e6).astype(np.int64),
        [float(row["longitude"]) for row in rows],
        [float(row["latitude"]) for row in rows],
    )


def one_way_streets(engine: Engine) -> list[tuple[Floats, Floats]]:
    """Straight stretches of `GRID_MAP` that can be driven one way only, in that direction."""
    case = wrong_way_case()
    lon, lat = float(case.lon.mean()), float(np.median(case.lat))
    found = []
    for north in np.arange(-0.012, 0.013, 0.0012):
        for west, east in ((-0.011, 0.011), (0.011, -0.011)):
            way = engine.route(np.array([lon + west, lon + east]), np.full(2, lat + north))
            if way is None:
                continue
            back = engine.route(way.lon[[-1, 0]], way.lat[[-1, 0]])
            straight_m = float(step_m(way.lon[[0, -1]], way.lat[[0, -1]])[0])
            is_straight = straight_m > 800 and way.distance_m < 1.02 * straight_m
            if is_straight and back is not None and back.distance_m > 1.1 * straight_m:
                found.append((way.lon, way.lat))
    assert found
    return found


def routes_backwards(engine: Engine, count: int) -> Iterator[tuple[Floats, Floats]]:
    """Routes through central Helsinki, each driven from its end to its start."""
    for seed in range(count):
        places = np.random.default_rng(seed).permutation(PLACES)
        route = engine.route(places[:, 0], places[:, 1])
        assert route is not None
        yield route.lon[::-1], route.lat[::-1]
