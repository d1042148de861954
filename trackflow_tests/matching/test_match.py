from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.geo.scoring import RouteScore, score_route
from trackflow.geo.thinning import TIP_SHARE
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.protocol import MatchAnswer, Matching, MatchRequest, Route
from trackflow.matching.match import WindowMatch, match_window
from trackflow.matching.thinning import kept_points, to_metres
from trackflow.matching.windows import MatchSettings, Window
from trackflow_tests.helpers.drives import (
    START_US,
    a_tour,
    assert_continuous,
    driven,
    matched,
    whole_window,
)

SETTINGS = MatchSettings()


class Counting:
    """An engine that counts what it is asked."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self.engine, self.asked = engine, 0
        self.profile, self.network_version = engine.profile, engine.network_version

        self.either_way_version = engine.either_way_version

    def match(self, request: MatchRequest) -> MatchAnswer:
        self.asked += 1
        assert (np.diff(request.time_s) > 0).all()
        return self.engine.match(request)

    def either_way(self) -> EmbeddedEngine | None:
        return self.engine.either_way()

    def route(self, lon: np.ndarray, lat: np.ndarray) -> Route | None:
        return self.engine.route(lon, lat)

    def close(self) -> None:
        self.engine.close()


def scored(engine: EmbeddedEngine, points: Points, lon: np.ndarray, lat: np.ndarray) -> RouteScore:
    lines = matched(engine, points)
    assert_continuous(lines)
    return score_route([(lon, lat)], [(line.lon, line.lat) for line in lines])


@pytest.mark.parametrize(
    ("every_s", "noise_m", "mismatch"),
    [(0.1, 2.0, 0.03), (1.0, 4.0, 0.03), (5.0, 4.0, 0.03), (5.0, 10.0, 0.08), (30.0, 4.0, 0.15)],
)
def test_drives_are_found(
    helsinki: EmbeddedEngine, every_s: float, noise_m: float, mismatch: float
) -> None:
    for seed in (1, 2):
        lon, lat = a_tour(helsinki, seed)
        score = scored(helsinki, driven(lon, lat, every_s=every_s, noise_m=noise_m), lon, lat)
        assert score.mismatch < mismatch, (seed, score)
        assert score.length_ratio == pytest.approx(1, abs=max(mismatch, 0.05)), (seed, score)


def test_points_of_equal_seconds_are_matched(helsinki: EmbeddedEngine) -> None:
    lon, lat = a_tour(helsinki)
    points = driven(lon, lat, every_s=5.0)
    fast = replace(points, time_us=START_US + (points.time_us - START_US) // 20)
    lines = matched(helsinki, fast)
    assert not any(line.is_raw for line in lines)


def test_clean_data_take_one_call_a_window(helsinki: EmbeddedEngine) -> None:
    engine = Counting(helsinki)
    lines = matched(engine, driven(*a_tour(helsinki)))
    assert engine.asked <= 1.2 * len(lines)


def test_a_parked_device_is_ordinary(helsinki: EmbeddedEngine) -> None:
    rng = np.random.default_rng(1)
    lon = 24.9400 + rng.normal(0, 3e-5, 61)
    lat = 60.1700 + rng.normal(0, 2e-5, 61)
    points = Points.of(START_US + np.arange(61) * 5_000_000, lon, lat)
    (line,) = matched(helsinki, points)[:1]
    length_m = np.hypot(np.diff(line.lon) * 55_000, np.diff(line.lat) * 111_000).sum()
    assert length_m < 150


def test_points_far_from_roads_keep_their_raw_line(helsinki: EmbeddedEngine) -> None:
    lon, lat = np.linspace(24.99, 25.02, 120), np.full(120, 60.10)  # at sea
    points = Points.of(START_US + np.arange(120) * 5_000_000, lon, lat)
    lines = matched(helsinki, points)
    assert_continuous(lines)
    assert all(line.is_raw and line.confidence is None for line in lines)
    assert all(line.matched_share == 0 for line in lines)
    assert (lines[0].lon[0], lines[-1].lon[-1]) == pytest.approx((24.99, 25.02))


def test_a_stretch_off_the_roads_is_raw_and_its_neighbours_are_not(
    helsinki: EmbeddedEngine,
) -> None:
    lon, lat = a_tour(helsinki)
    road = driven(lon, lat, every_s=5.0)[:120]
    away = 120
    sea_lon = road.lon[-1] + np.linspace(0.001, 0.05, away)
    sea_lat = np.linspace(60.12, 60.10, away)
    times = road.time_us[-1] + np.arange(1, away + 1) * 5_000_000
    lines = matched(helsinki, Points.concat([road, Points.of(times, sea_lon, sea_lat)]))
    assert_continuous(lines)
    assert not lines[0].is_raw
    assert lines[-1].is_raw


class GoesRound:
    """An engine whose network lacks a road: 2 km round between the points 300 m from the start."""

    profile, network_version, either_way_version = "car", "1", ""

    def either_way(self) -> None:
        return None

    def match(self, request: MatchRequest) -> MatchAnswer:
        lon, lat = request.lon, request.lat
        count = len(lon)
        middle = int(np.searchsorted(lon, 25.0054))
        vertex = np.arange(count)
        if 0 < middle < count:
            vertex[middle:] += 1
            lon = np.insert(lon, middle, 25.0054)
            lat = np.insert(lat, middle, 60.009)
        line = Matching(lon, lat, 0.9, 1.0, 1.0)
        zeros = np.zeros(count)
        index = np.zeros(count, dtype=np.int64)
        return MatchAnswer((line,), index, request.lon, request.lat, zeros, vertex)

    def route(self, lon: np.ndarray, lat: np.ndarray) -> None:
        return None

    def close(self) -> None:
        pass


def test_no_line_goes_round_where_a_road_is_missing() -> None:
    times = START_US + np.arange(30) * 5_000_000
    points = Points.of(times, np.linspace(25.0, 25.02, 30), np.full(30, 60.0))
    (line,) = matched(GoesRound(), points)
    assert line.lat.max() == 60.0
    assert (line.lon[0], line.lon[-1]) == pytest.approx((25.0, 25.02))
    assert 0.9 < line.matched_share < 1
    assert not line.is_raw


def test_a_detour_that_there_was_time_for_stays() -> None:
    times = START_US + np.arange(30) * 590_000_000
    points = Points.of(times, np.linspace(25.0, 25.02, 30), np.full(30, 60.0))
    lines = matched(GoesRound(), points)
    assert max(line.lat.max() for line in lines) > 60.008


def test_a_match_is_the_same_again_and_survives_the_cache(helsinki: EmbeddedEngine) -> None:
    window = whole_window(driven(*a_tour(helsinki))[:80])
    match = match_window(helsinki, window, SETTINGS)
    assert match == match_window(helsinki, window, SETTINGS)
    again = WindowMatch.from_bytes(match.to_bytes())
    assert again == match
    assert again.processing_duration_ms == match.processing_duration_ms
    assert len(match.on_road) == len(match.anchor_us) - 1 == len(match.anchor_vertex) - 1
    assert list(match.anchor_vertex) == sorted(match.anchor_vertex)
    assert match.anchor_vertex[-1] < match.point_count


def test_thinning_keeps_the_end_of_a_dead_end() -> None:
    x_m = np.array([0, 30, 45, 50, 45, 20, -10, -40, -70])
    points = Points.of(START_US + np.arange(9) * 5_000_000, 25 + x_m / 55_600, np.full(9, 60.0))
    window = Window(int(points.time_us[0]), int(points.time_us[-1]), points, 0, 8)
    kept = kept_points(window, *to_metres(points), 0.0, SETTINGS)
    assert 3 in kept


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=80))
def test_thinning_keeps_the_seams_and_its_distance(places: list[tuple[int, int]]) -> None:
    at = np.array(places) * 1e-4
    count = len(at)
    points = Points.of(START_US + np.arange(count) * 5_000_000, 25 + at[:, 0], 60 + at[:, 1])
    first, last = count // 4, count - 1 - count // 4
    if first == last:
        last += 1
    window = Window(int(points.time_us[first]), int(points.time_us[last]), points, first, last)
    x, y = to_metres(points)
    kept = kept_points(window, x, y, 0.0, SETTINGS)
    assert {first, last} <= set(kept)
    assert kept == sorted(set(kept))
    own = [k for k in kept if first <= k <= last]
    steps = np.hypot(np.diff(x[own]), np.diff(y[own]))
    assert (steps[:-1] >= TIP_SHARE * SETTINGS.thin_m - 1e-6).all()
    most = SETTINGS.context_used + SETTINGS.context_far
    assert len([k for k in kept if k < first]) <= most
    assert len([k for k in kept if k > last]) <= most
