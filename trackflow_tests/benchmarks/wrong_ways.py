"""Wrong ways: drives against one-way streets, scored against the streets that were driven.

Straight drives against the one-way streets of a grid (needs the folder of cases), and routes
through central Helsinki driven backwards, where most streets are one-way. The share is that of the
time whose steps were matched to roads; the precision that of the matched lines alone: what is raw
is not wrong. Both are given as mean and worst drive.
"""

import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from trackflow.demo.extract import helsinki_extract
from trackflow.geo.points import Floats, Points
from trackflow.geo.scoring import score_route
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.network_building import build_network
from trackflow_tests.helpers.drives import driven, matched
from trackflow_tests.helpers.wrong_ways import GRID_MAP, one_way_streets, routes_backwards

GRID_EVERY_S, GRID_NOISES_M, GRID_STREETS = (1.0, 2.0), (3.0, 5.0, 8.0), 2
HELSINKI_ROUTES, HELSINKI_EVERY_S = 6, (1.0, 2.0, 5.0)

type Run = tuple[Points, tuple[Floats, Floats]]


def run() -> dict[str, float | int | str]:
    figures: dict[str, float | int | str] = {}
    with tempfile.TemporaryDirectory() as folder:
        if GRID_MAP.is_file():
            engine = _engine(GRID_MAP, Path(folder))
            figures |= _figures("grid", engine, list(_grid_runs(engine)))
        engine = _engine(helsinki_extract(), Path(folder))
        figures |= _figures("Helsinki backwards", engine, list(_helsinki_runs(engine)))
    return figures


def _engine(extract: Path, folder: Path) -> EmbeddedEngine:
    network = build_network(extract, "car", folder)
    return EmbeddedEngine(network.dataset, network.profile, network.version)


def _grid_runs(engine: EmbeddedEngine) -> Iterator[Run]:
    streets = one_way_streets(engine)
    kinds = product(GRID_EVERY_S, GRID_NOISES_M, range(GRID_STREETS))
    for seed, (every_s, noise_m, _) in enumerate(kinds):
        lon, lat = streets[seed * 5 % len(streets)]
        back = lon[::-1], lat[::-1]
        yield driven(*back, every_s=every_s, noise_m=noise_m, speed_ms=10.0, seed=seed), back


def _helsinki_runs(engine: EmbeddedEngine) -> Iterator[Run]:
    for seed, back in enumerate(routes_backwards(engine, HELSINKI_ROUTES)):
        for every_s in HELSINKI_EVERY_S:
            yield driven(*back, every_s=every_s, seed=seed), back


def _figures(name: str, engine: EmbeddedEngine, runs: list[Run]) -> dict[str, float | int | str]:
    precisions, shares, marked = [], [], 0
    for points, truth in runs:
        lines = matched(engine, points)
        on_road = [(line.lon, line.lat) for line in lines if not line.is_raw]
        if on_road:
            precisions.append(score_route([truth], on_road).precision)
        seconds = np.array([line.end_us - line.start_us for line in lines]) / 1e6
        shares.append(float(np.average([line.matched_share for line in lines], weights=seconds)))
        marked += any(line.against_oneway for line in lines)
    engine.close()
    return {
        f"{name}: drives": len(runs),
        f"{name}: drives marked as against a one-way": marked,
        f"{name}: drives that are raw as a whole": len(runs) - len(precisions),
        f"{name}: precision": float(np.mean(precisions)),
        f"{name}: precision, worst drive": min(precisions),
        f"{name}: matched share": float(np.mean(shares)),
        f"{name}: matched share, worst drive": min(shares),
    }
