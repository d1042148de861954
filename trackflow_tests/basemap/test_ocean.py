"""The sea of an extract: by what its coast says, for any coast."""

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from trackflow.basemap.ocean import MOST_VERTICES, Coast, sea_polygons

AREA = box(0, 0, 1, 1)


def sea(*coasts: Coast) -> shapely.Geometry:
    return shapely.union_all(list(sea_polygons(coasts, AREA)))


def island(lon: float, lat: float, radius: float, vertices: int = 16) -> Coast:
    """A round island: the land is on its left."""
    turn = np.linspace(0, 2 * np.pi, vertices + 1)
    round_ = np.column_stack([lon + radius * np.cos(turn), lat + radius * np.sin(turn)])
    round_[-1] = round_[0]
    return round_


def test_without_a_coast_there_is_no_sea() -> None:
    assert list(sea_polygons([], AREA)) == []


@given(st.lists(st.floats(0.1, 0.9), min_size=2, max_size=12), st.booleans(), st.integers(1, 5))
def test_a_coast_parts_the_area_at_its_line(
    heights: list[float], goes_east: bool, pieces: int
) -> None:
    """However it winds and into however many ways it is cut: the sea is on its right."""
    lon = np.linspace(-0.1, 1.1, len(heights))
    coast = np.column_stack([lon, heights])
    below = Polygon([(-0.1, -1), *map(tuple, coast), (1.1, -1)]).intersection(AREA).area
    if not goes_east:
        coast = coast[::-1]
    cuts = np.linspace(0, len(coast) - 1, pieces + 1).astype(int)
    ways = [coast[a : b + 1] for a, b in pairwise(cuts) if b > a]
    expected = below if goes_east else 1 - below
    assert sea(*reversed(ways)).area == pytest.approx(expected, abs=1e-6)


@given(
    st.lists(st.floats(0.02, 0.08), min_size=1, max_size=4),
    st.integers(4, 3 * MOST_VERTICES),
)
def test_islands_are_land_and_all_around_them_is_sea(radii: list[float], vertices: int) -> None:
    islands = [island(0.15 + 0.2 * k, 0.5, r, vertices) for k, r in enumerate(radii)]
    land = sum(Polygon(one).area for one in islands)
    found = sea(*islands)
    assert found.area == pytest.approx(1 - land, abs=1e-6)
    assert not found.contains(shapely.Point(0.15, 0.5))


def test_an_inland_sea_is_water_within_the_land() -> None:
    pool = island(0.5, 0.5, 0.2)[::-1]
    assert sea(pool).area == pytest.approx(Polygon(pool).area, abs=1e-6)


def test_a_coast_that_ends_within_the_area_is_led_to_its_edge() -> None:
    found = sea(np.array([[0.05, 0.5], [0.95, 0.5]]))
    assert found.area == pytest.approx(0.5, abs=0.05)
    assert found.contains(shapely.Point(0.5, 0.2))
    assert not found.contains(shapely.Point(0.5, 0.8))
