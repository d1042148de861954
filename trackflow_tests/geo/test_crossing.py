"""Where lines lie within boxes and circles: as shapely and as a ruler say."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.bbox import Bbox
from trackflow.geo.crossing import Circle, spans_within
from trackflow.geo.distance import haversine_m
from trackflow.geo.points import Floats

# a coarse grid, so that lines touch edges and corners
GRID = st.integers(-8, 8)
LINE = st.lists(st.tuples(GRID, GRID), min_size=1, max_size=12)
TURN = st.sampled_from([0, 24, 180, -179])


def on_earth(lon: Floats) -> Floats:
    return (lon + 180.0) % 360.0 - 180.0


@given(LINE, st.tuples(GRID, GRID), st.tuples(st.integers(1, 8), st.integers(1, 8)), TURN)
def test_a_box_is_met_where_shapely_says_so(
    line: list[tuple[int, int]], corner: tuple[int, int], size: tuple[int, int], turn: int
) -> None:
    """On any meridian, the 180th too: the line is written as the Earth has it."""
    west, south = corner
    east, north = west + size[0], south + size[1]
    lon, lat = np.array(line, dtype=np.float64).T
    edges = on_earth(np.array([west + turn, east + turn], dtype=np.float64))
    found = spans_within(on_earth(lon + turn), lat, Bbox(edges[0], south, edges[1], north))
    parts = [
        line[0],
        *(b for a, b in pairwise(line) if a != b),
    ]  # shapely knows no step of length 0
    shape = shapely.LineString(parts) if len(parts) > 1 else shapely.Point(line[0])
    common = shape.intersection(shapely.box(west, south, east, north))
    assert bool(found) == (not common.is_empty)
    length = sum(
        shapely.LineString([at(lon, lat, k) for k in [low, *inner(low, high), high]]).length
        for low, high in found
        if high > low
    )
    assert length >= common.length - 1e-9  # a line that comes back counts twice here
    for low, high in found:
        for k in (low, (low + high) / 2, high):
            x, y = at(lon, lat, k)
            assert west - 1e-9 <= x <= east + 1e-9
            assert south - 1e-9 <= y <= north + 1e-9


def inner(low: float, high: float) -> list[int]:
    return list(range(int(low) + 1, int(np.ceil(high))))


def at(lon: Floats, lat: Floats, where: float) -> tuple[float, float]:
    places = np.arange(len(lon))
    return float(np.interp(where, places, lon)), float(np.interp(where, places, lat))


@given(
    st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), min_size=1, max_size=8),
    st.floats(-75, 75),
    st.sampled_from([0.0, 24.9, 180.0, -179.995]),
    st.floats(20, 1500),
)
def test_a_circle_is_met_where_a_ruler_says_so(
    line: list[tuple[float, float]], south: float, turn: float, radius_m: float
) -> None:
    lon, lat = np.array(line).T
    lon, lat = on_earth(lon + turn), lat + south
    circle = Circle(float(on_earth(np.array(turn))), south, radius_m)
    found = spans_within(lon, lat, circle)
    # many positions on the line, by a ruler
    places = np.linspace(0, max(len(lon) - 1, 0), 400 * len(lon))
    across = np.unwrap(lon, period=360)
    x = np.interp(places, np.arange(len(lon)), across)
    y = np.interp(places, np.arange(len(lon)), lat)
    away = haversine_m(x, y, np.array(circle.longitude), np.array(south))
    # straight in degrees and along a great circle differ by centimetres on 4 km
    is_in = np.zeros(len(places), dtype=np.bool_)
    for low, high in found:
        is_in |= (places >= low - 1e-9) & (places <= high + 1e-9)
    slack = 1.5
    assert not (is_in & (away > radius_m + slack)).any()
    assert not (~is_in & (away < radius_m - slack)).any()


def test_a_circle_has_no_other_side() -> None:
    lon, lat = np.array([170.0, 180.0, -170.0]), np.array([0.0, 0.0, 0.0])
    assert spans_within(lon, lat, Circle(0.0, 0.0, 100_000)) == []
    assert spans_within(lon, lat, Circle(180.0, 0.0, 100_000)) != []


@pytest.mark.parametrize("bad", [(200, 0, 1), (0, 91, 1), (0, 0, 0), (0, 0, 2e6)])
def test_a_place_must_be_on_earth(bad: tuple[float, float, float]) -> None:
    with pytest.raises(BadInputError):
        Circle(*bad)
