"""Lines over the antimeridian: cut there, and nothing lost."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trackflow.geo.antimeridian import cut
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats
from trackflow.geo.steps import unwrapped


@st.composite
def lines(draw: st.DrawFn) -> tuple[Floats, Floats]:
    """Lines near the antimeridian, with vertices on it, written from -180 to 180 or beyond."""
    count = draw(st.integers(1, 40))
    step = st.integers(-300, 300) | st.just(0)
    steps = draw(arrays.arrays(np.int64, (count, 2), elements=step))
    first = draw(st.integers(-500, 500))
    lon = 180 + (first + np.cumsum(steps[:, 0])) / 100
    lat = np.cumsum(steps[:, 1]) / 300
    if draw(st.booleans()):
        lon = (lon + 180) % 360 - 180
    if draw(st.booleans()):
        lon = np.where(lon == -180, 180.0, lon)
    return lon, lat


def plane_m(lon: Floats, lat: Floats) -> float:
    """Length on a plane: a part of a step is exactly as long as its share of the step."""
    return float(np.hypot(np.diff(lon), np.diff(lat)).sum()) * METRES_PER_DEGREE


@given(lines())
def test_parts_are_the_line_and_none_goes_round_the_earth(line: tuple[Floats, Floats]) -> None:
    lon, lat = line
    parts = cut(lon, lat)
    whole = plane_m(unwrapped(lon), lat)
    assert sum(plane_m(*part) for part in parts) == pytest.approx(whole, abs=1e-3)
    for x, y in parts:
        assert len(x) == len(y) >= min(2, len(lon))
        assert np.all(np.abs(x) <= 180)
        assert np.ptp(x) <= 180
        assert not len(x) > 1 or np.abs(np.diff(x)).max() <= 180
    for (x, y), (next_x, next_y) in itertools.pairwise(parts):
        assert abs(x[-1]) == 180
        assert next_x[0] == -x[-1]
        assert next_y[0] == y[-1]
    own = {(round(a % 360, 6), round(b, 6)) for a, b in zip(lon, lat, strict=True)}
    found = {(round(a % 360, 6), round(b, 6)) for x, y in parts for a, b in zip(x, y, strict=True)}
    assert own <= found


@given(lines())
def test_a_line_elsewhere_is_left_as_it_is(line: tuple[Floats, Floats]) -> None:
    lon, lat = unwrapped(line[0]), line[1]
    lon = lon - lon[0] + 20.0
    ((x, y),) = cut(lon, lat)
    assert x is lon
    assert y is lat


def test_a_drive_and_a_ferry_over_180_degrees() -> None:
    parts = cut(np.array([179.9, -179.9, -179.7]), np.array([-16.8, -16.6, -16.6]))
    assert [np.column_stack(part).round(6).tolist() for part in parts] == [
        [[179.9, -16.8], [180.0, -16.7]],
        [[-180.0, -16.7], [-179.9, -16.6], [-179.7, -16.6]],
    ]


def test_a_line_that_only_touches_180_degrees_is_not_cut() -> None:
    ((x, _),) = cut(np.array([179.9, -180.0, 179.8]), np.zeros(3))
    assert x.tolist() == [179.9, 180.0, 179.8]
