"""A fix every ten minutes, from a file to the lines that a user gets."""

import numpy as np
import pytest

from trackflow.demo.extract import helsinki_extract
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow_tests.benchmarks.accuracy import through_the_product
from trackflow_tests.helpers.drives import a_tour, driven

type Line = tuple[Floats, Floats]


@pytest.mark.parametrize("speed_ms", [1.0, 1.6])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_sparse_track_is_matched_or_raw_and_never_nonsense(
    helsinki: EmbeddedEngine, speed_ms: float, seed: int
) -> None:
    lon, lat = a_tour(helsinki, seed)
    points = driven(lon, lat, every_s=600.0, speed_ms=speed_ms, seed=seed)
    lines = through_the_product(helsinki_extract(), {"sparse": points})["sparse"].whole
    true_m = speed_ms * 600.0 * (len(points) - 1)
    straight_m = float(step_m(points.lon, points.lat).sum())
    length_m = sum(float(step_m(*line).sum()) for line in lines)
    assert 0.8 * straight_m < length_m < 1.15 * true_m
    assert farthest_m(points, lines) < 40.0


def farthest_m(points: Points, lines: list[Line]) -> float:
    """The greatest distance of a point from the nearest place of the lines."""
    scale = np.cos(np.radians(60.17))
    worst = 0.0
    for lon, lat in zip(points.lon, points.lat, strict=True):
        nearest = np.inf
        for line_lon, line_lat in lines:
            share = np.linspace(0, 1, 20)[:, None]
            x = line_lon[:-1] + share * np.diff(line_lon)
            y = line_lat[:-1] + share * np.diff(line_lat)
            off = np.hypot((x - lon) * scale, y - lat) * 111_195
            nearest = min(nearest, float(off.min()))
        worst = max(worst, nearest)
    return worst
