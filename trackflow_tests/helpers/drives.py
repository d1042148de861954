"""Simulated drives whose route is known, for tests of matching."""

from itertools import pairwise

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE, step_m
from trackflow.geo.points import Floats, Points
from trackflow.matching.engines.protocol import Engine
from trackflow.matching.match import match_window
from trackflow.matching.seams import WindowLine, trim
from trackflow.matching.windows import MatchSettings, Window, cut_windows

START_US = 1_768_032_000_000_000
"""2026-01-10 08:00 UTC."""

PLACES = (
    (24.9463, 60.1689),
    (24.9489, 60.1766),
    (24.9374, 60.1671),
    (24.9449, 60.1768),
    (24.9489, 60.1657),
    (24.9496, 60.1721),
    (24.9459, 60.1744),
    (24.9476, 60.1678),
    (24.9515, 60.1774),
)
"""All over the extract of central Helsinki, each reachable from each: a tour of some 15 km."""


def a_tour(engine: Engine, seed: int = 1) -> tuple[Floats, Floats]:
    """A route through the places in some order."""
    places = np.random.default_rng(seed).permutation(PLACES)
    route = engine.route(places[:, 0], places[:, 1])
    assert route is not None
    return route.lon, route.lat


def driven(
    lon: Floats,
    lat: Floats,
    *,
    every_s: float = 5.0,
    speed_ms: float = 9.0,
    noise_m: float = 4.0,
    seed: int = 1,
    start_us: int = START_US,
) -> Points:
    """Points of a drive along a line, at an even speed, as a tracker sees them."""
    rng = np.random.default_rng(seed)
    along = np.concatenate([[0.0], np.cumsum(step_m(lon, lat))])
    at = np.arange(0, along[-1], speed_ms * every_s)
    noise = rng.normal(0, noise_m / METRES_PER_DEGREE, (2, len(at)))
    return Points.of(
        start_us + (np.arange(len(at)) * every_s * 1e6).astype(np.int64),
        np.interp(at, along, lon) + noise[0] / np.cos(np.radians(lat[0])),
        np.interp(at, along, lat) + noise[1],
    )


def matched(
    engine: Engine, points: Points, settings: MatchSettings | None = None
) -> list[WindowLine]:
    """The final lines of a track."""
    settings = settings or MatchSettings()
    windows = cut_windows(Points.empty(), points, Points.empty(), settings)
    return trim([match_window(engine, window, settings) for window in windows])


def assert_continuous(lines: list[WindowLine]) -> None:
    """Each line begins exactly where the one before ends, and nothing is not a number."""
    for line in lines:
        assert len(line.lon) == len(line.lat) == line.point_count >= 1
        assert np.isfinite(line.lon).all()
        assert np.isfinite(line.lat).all()
    for left, right in pairwise(lines):
        assert (left.lon[-1], left.lat[-1]) == (right.lon[0], right.lat[0])
        assert left.end_us == right.start_us


def whole_window(points: Points) -> Window:
    """A track as a single window: what matching in windows is compared with."""
    last = len(points) - 1
    return Window(int(points.time_us[0]), int(points.time_us[-1]), points, 0, last)
