"""Drives against one-way streets, and along roads that the map does not have."""

from collections.abc import Iterator

import numpy as np
import pytest

from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points
from trackflow.geo.scoring import score_route
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.match import WindowMatch
from trackflow.matching.network_building import build_network
from trackflow.matching.seams import WindowLine
from trackflow_tests.helpers.drives import PLACES, driven, matched
from trackflow_tests.helpers.wrong_ways import (
    GRID_MAP,
    one_way_streets,
    routes_backwards,
    wrong_way_case,
)

needs_cases = pytest.mark.skipif(not GRID_MAP.is_file(), reason="needs the folder of cases")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """A town of straight streets, every other one of them one-way."""
    network = build_network(GRID_MAP, "car", tmp_path_factory.mktemp("grid"))
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    yield engine
    engine.close()


@needs_cases
@pytest.mark.xdist_group("grid")
def test_the_street_that_was_driven_and_no_battlement(grid: EmbeddedEngine) -> None:
    points = wrong_way_case()
    lines = matched(grid, points)
    street = points.lon[[0, -1]], np.full(2, np.median(points.lat))
    assert score_route([street], drawn(lines)).mismatch < 0.05
    assert all(line.against_oneway for line in lines)
    assert all(line.confidence is not None and line.confidence > 0.5 for line in lines)


@needs_cases
@pytest.mark.xdist_group("grid")
@pytest.mark.parametrize("noise_m", [3.0, 5.0, 8.0])
@pytest.mark.parametrize("every_s", [1.0, 2.0])
def test_straight_drives_against_one_ways(
    grid: EmbeddedEngine, every_s: float, noise_m: float
) -> None:
    for seed, (lon, lat) in enumerate(one_way_streets(grid)):
        back = lon[::-1], lat[::-1]
        points = driven(*back, every_s=every_s, noise_m=noise_m, speed_ms=10.0, seed=seed)
        lines = [line for line in matched(grid, points) if not line.is_raw]
        if lines:
            assert score_route([back], drawn(lines)).precision >= 0.95, seed


def test_routes_driven_backwards(helsinki: EmbeddedEngine) -> None:
    for seed, back in enumerate(routes_backwards(helsinki, 3)):
        lines = matched(helsinki, driven(*back, every_s=2.0, seed=seed))
        assert score_route([back], drawn(lines)).precision >= 0.95
        assert np.mean([line.matched_share for line in lines]) >= 0.9
        assert any(line.against_oneway for line in lines)


def test_drives_that_keep_to_one_ways_are_not_marked(helsinki: EmbeddedEngine) -> None:
    route = helsinki.route(np.array(PLACES)[[0, 3], 0], np.array(PLACES)[[0, 3], 1])
    assert route is not None
    lines = matched(helsinki, driven(route.lon, route.lat))
    assert not any(line.against_oneway for line in lines)


def test_the_mark_survives_the_cache() -> None:
    match = WindowMatch(0, 1, "??", (0, 1), (0, 0), (True,), 1.0, 0.5, False, 1, 1, True)
    assert WindowMatch.from_bytes(match.to_bytes()).against_oneway


@needs_cases
@pytest.mark.xdist_group("grid")
def test_a_missing_road_is_raw_and_its_ends_are_not(grid: EmbeddedEngine) -> None:
    # a street, then 600 m straight on across the blocks, on no road of the map, then along it again
    points = wrong_way_case()
    turned = Points.of(points.time_us, points.lon[::-1], points.lat[::-1])
    scale = np.cos(np.radians(turned.lat[0])) * 111_195
    k = np.arange(len(points))
    shift = 45.0 / 111_195 * np.clip(np.minimum(k - 40, 117 - k) / 8, 0, 1)
    away = Points.of(turned.time_us, turned.lon, turned.lat + shift)
    (line,) = matched(grid, away)[:1]
    length_m = float(step_m(line.lon, line.lat).sum())
    straight_m = abs(turned.lon[-1] - turned.lon[0]) * scale
    assert length_m < 1.25 * straight_m


def drawn(lines: list[WindowLine]) -> list[tuple[Floats, Floats]]:
    return [(line.lon, line.lat) for line in lines]
