"""Drawn and real tracks in Belgium with the roads that they took; `itinero_belgium` has them.

The tracks have no times: they are given those of an even speed. Points lie up to 60 m beside their
roads, beyond any one radius that suits the others.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points
from trackflow.geo.scoring import Line, score_route
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.protocol import MatchRequest
from trackflow.matching.network_building import build_network
from trackflow_tests.helpers.drives import START_US, matched

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("TRACKFLOW_TEST_DATA") or ROOT / "../shared/data")
FOLDER = SHARED / "itinero_belgium"
SPEED_MS = {"car": 10.0, "bicycle": 4.2}
HARD = ("car-test4", "car-test5", "bicycle-test4", "bicycle-test7")
REST = tuple(f"car-test{k}" for k in (1, 2, 3)) + tuple(
    f"bicycle-test{k}" for k in (1, 2, 3, 5, 6, 8, 9)
)
PLAIN_RADIUS_M = 15.0

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the folder of test data"),
    pytest.mark.xdist_group("belgium"),
]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmbeddedEngine]]:
    """Engines by profile and extract."""
    built = {}
    into = tmp_path_factory.mktemp("belgium")
    for profile, extract in (
        ("car", "turnhout_area_A"),
        ("bicycle", "turnhout_area_A"),
        ("bicycle", "wechelderzande_B"),
    ):
        network = build_network(FOLDER / f"{extract}.osm.pbf", profile, into)
        built[f"{profile} {extract}"] = EmbeddedEngine(network.dataset, profile, network.version)
    yield built
    for engine in built.values():
        engine.close()


@pytest.mark.parametrize("name", HARD)
def test_points_far_beside_their_road_make_no_detour(
    engines: dict[str, EmbeddedEngine], name: str
) -> None:
    engine, points, truth = case(engines, name)
    assert mismatch(engine, points, truth) <= 0.02


@pytest.mark.parametrize("name", REST)
def test_no_track_is_worse_than_with_the_plain_engine(
    engines: dict[str, EmbeddedEngine], name: str
) -> None:
    engine, points, truth = case(engines, name)
    answer = engine.match(
        MatchRequest(
            points.lon,
            points.lat,
            points.time_us // 1_000_000,
            np.full(len(points), PLAIN_RADIUS_M),
        )
    )
    plain = [(matching.lon, matching.lat) for matching in answer.matchings]
    assert mismatch(engine, points, truth) <= score_route([truth], plain).mismatch + 0.005


def mismatch(engine: EmbeddedEngine, points: Points, truth: Line) -> float:
    lines = matched(engine, points)
    return score_route([truth], [(line.lon, line.lat) for line in lines]).mismatch


def case(engines: dict[str, EmbeddedEngine], name: str) -> tuple[EmbeddedEngine, Points, Line]:
    profile, number = name.split("-test")
    extract = "wechelderzande_B" if int(number) > 7 else "turnhout_area_A"
    expected = json.loads((FOLDER / f"{name}.json").read_text())["expected"]
    lon, lat = _line(expected["coordinates"])
    track = json.loads((FOLDER / f"{name}-track.geojson").read_text())
    features = track.get("features", [track])
    parts = [_coordinates(feature.get("geometry", feature)) for feature in features]
    x, y = _line([position for part in parts for position in part])
    moved = np.insert(step_m(x, y) > 0, 0, True)
    x, y = x[moved], y[moved]
    seconds = np.insert(np.cumsum(step_m(x, y)), 0, 0.0) / SPEED_MS[profile]
    points = Points.of(START_US + np.rint(seconds * 1e6).astype(np.int64), x, y)
    return engines[f"{profile} {extract}"], points, (lon, lat)


def _coordinates(geometry: dict[str, object]) -> list[list[float]]:
    found = geometry["coordinates"]
    assert isinstance(found, list)
    return [found] if geometry["type"] == "Point" else found


def _line(positions: list[list[float]]) -> tuple[Floats, Floats]:
    pairs = np.array([position[:2] for position in positions], dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]
